// Just enough of YAML's look to colour a recipe; it reads nothing.

export interface Token {
  kind: "" | "key" | "number" | "word" | "text" | "comment";
  text: string;
}

const PATTERN =
  /(?<comment>(?:^|(?<=\s))#.*$)|(?<text>"(?:[^"\\]|\\.)*"|'[^']*')|(?<key>[\w.-]+(?=:(?:\s|$)))|(?<number>(?<=[\s[{,(]|^)[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?(?=[,\]}]?(?:\s|[,\]}]|$)))|(?<word>\b(?:true|false|null)\b)/gim;

/** A text in pieces, one after the other, each with what it is. */
export function yamlTokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  for (const match of text.matchAll(PATTERN)) {
    if (match.index > at) found.push({ kind: "", text: text.slice(at, match.index) });
    const kind = Object.entries(match.groups ?? {}).find(([, group]) => group !== undefined)?.[0] ?? "";
    found.push({ kind: kind as Token["kind"], text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push({ kind: "", text: text.slice(at) });
  return found;
}
