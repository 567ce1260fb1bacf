// Just enough of YAML's look to colour a recipe; it reads nothing.

export interface Token {
  kind: "" | "key" | "number" | "word" | "text" | "comment";
  text: string;
}

const PATTERN =
  /(?<comment>(?:^|(?<=\s))#.*$)|(?<text>"(?:[^"\\]|\\.)*"|'[^']*')|(?<key>[\w.-]+(?=:(?:\s|$)))|(?<number>(?<![\w.])[-+]?\d[\d_]*(?:\.\d*)?(?:e[-+]?\d+)?(?![\w.]))|(?<word>\b(?:true|false|null)\b)/gi;

function tokens(line: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  for (const match of line.matchAll(PATTERN)) {
    if (match.index > at) found.push({ kind: "", text: line.slice(at, match.index) });
    const kind = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined)?.[0] ?? "";
    found.push({ kind: kind as Token["kind"], text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < line.length) found.push({ kind: "", text: line.slice(at) });
  return found;
}

export function yamlLines(text: string): Token[][] {
  return text.replace(/\n$/, "").split("\n").map(tokens);
}
