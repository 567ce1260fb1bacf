/** Reads the small part of LaTeX that the registry's formulas are written in. */

export type Formula =
  | { kind: "name"; text: string; upright?: boolean }
  | { kind: "number"; text: string }
  | { kind: "sign"; text: string; fence?: boolean; grows?: boolean }
  | { kind: "words"; text: string }
  | { kind: "space"; em: number }
  | { kind: "row"; parts: Formula[] }
  | { kind: "fraction"; over: Formula; under: Formula }
  | { kind: "root"; of: Formula }
  | { kind: "accent"; of: Formula; mark: string; wide: boolean }
  | { kind: "script"; base: Formula; sub?: Formula; sup?: Formula; limits: boolean }
  | { kind: "table"; rows: Formula[][]; cases: boolean };

const GREEK: Record<string, string> = {
  alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ϵ", varepsilon: "ε", zeta: "ζ", eta: "η", theta: "θ",
  iota: "ι", kappa: "κ", lambda: "λ", mu: "μ", nu: "ν", xi: "ξ", pi: "π", rho: "ρ", sigma: "σ", tau: "τ", phi: "ϕ",
  varphi: "φ", chi: "χ", psi: "ψ", omega: "ω", ell: "ℓ", partial: "∂", nabla: "∇", infty: "∞",
};

const UPRIGHT: Record<string, string> = {
  Gamma: "Γ", Delta: "Δ", Theta: "Θ", Lambda: "Λ", Sigma: "Σ", Phi: "Φ", Psi: "Ψ", Omega: "Ω", top: "⊤", mathbb: "",
};

const SIGNS: Record<string, string> = {
  le: "≤", leq: "≤", ge: "≥", geq: "≥", ne: "≠", neq: "≠", in: "∈", notin: "∉", to: "→", rightarrow: "→", leftarrow: "←",
  gets: "←", mid: "∣", cdot: "·", times: "×", circ: "∘", odot: "⊙", oplus: "⊕", otimes: "⊗", pm: "±", mp: "∓",
  sim: "∼", approx: "≈", land: "∧", lor: "∨", lnot: "¬", ast: "∗", cdots: "⋯", dots: "…", ldots: "…", colon: ":",
};

const FENCES: Record<string, string> = {
  "{": "{", "}": "}", "|": "‖", lfloor: "⌊", rfloor: "⌋", lceil: "⌈", rceil: "⌉", langle: "⟨", rangle: "⟩",
};

const LARGE: Record<string, string> = { sum: "∑", prod: "∏", int: "∫", bigvee: "⋁", bigwedge: "⋀" };

const FUNCTIONS = new Set(
  ("ln log exp sin cos tan sinh cosh tanh arcsin arccos arctan max min arg det gcd lim sup inf " +
    "Pr ker dim deg").split(" "),
);

const UNDER = new Set(["max", "min", "lim", "sup", "inf"]);
const SPACES: Record<string, number> = { ",": 0.17, ":": 0.22, ";": 0.28, " ": 0.25, quad: 1, qquad: 2 };
const ACCENTS: Record<string, [string, boolean]> = {
  bar: ["¯", false], overline: ["¯", true], hat: ["^", false], dot: ["˙", false], tilde: ["~", false], vec: ["→", false],
};
const BRACKETS: Record<string, [string, string]> = {
  cases: ["{", ""], pmatrix: ["(", ")"], bmatrix: ["[", "]"], vmatrix: ["|", "|"],
};
const ESCAPED = new Set(["#", "&", "%", "$", "_"]);
const OPENING = "([";
const CLOSING = ")]";

/** The tokens of a formula: commands with their backslash, numbers, and single characters. */
function tokens(source: string): string[] {
  return source.match(/\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|[^\s]/gu) ?? [];
}

class Reader {
  private at = 0;
  constructor(private readonly all: string[]) {}

  peek(): string | undefined {
    return this.all[this.at];
  }

  next(): string {
    return this.all[this.at++] ?? "";
  }

  skipSpaces(): void {
    while (this.peek()?.trim() === "" && this.at < this.all.length) this.at++;
  }

  /** The text within the braces that follow, as it was written. */
  words(): string {
    this.skipSpaces();
    if (this.peek() !== "{") return this.next();
    this.next();
    let depth = 1;
    let text = "";
    while (this.at < this.all.length) {
      const token = this.next();
      if (token === "{") depth++;
      if (token === "}" && --depth === 0) break;
      text += token;
    }
    return text;
  }

  /** One argument: a group in braces or a single atom. */
  argument(): Formula {
    this.skipSpaces();
    return this.peek() === "{" ? this.group() : this.atom();
  }

  private group(): Formula {
    this.next();
    const inside = this.row((token) => token === "}");
    this.next();
    return inside;
  }

  row(ends: (token: string) => boolean): Formula {
    const parts: Formula[] = [];
    for (let token = this.peek(); token !== undefined && !ends(token); token = this.peek()) {
      if (token.trim() === "") this.next();
      else parts.push(this.scripted());
    }
    return parts.length === 1 && parts[0] ? parts[0] : { kind: "row", parts };
  }

  private scripted(): Formula {
    const bare = this.peek() === "^" || this.peek() === "_";
    const base: Formula = bare ? { kind: "row", parts: [] } : this.atom();
    const found: { sub?: Formula; sup?: Formula } = {};
    for (;;) {
      const token = this.peek();
      if (token === "_") found.sub = (this.next(), this.argument());
      else if (token === "^") found.sup = joined(found.sup, (this.next(), this.argument()));
      else if (token === "'") found.sup = joined(found.sup, (this.next(), { kind: "sign", text: "′" }));
      else break;
    }
    if (!found.sub && !found.sup) return base;
    const limits =
      (base.kind === "sign" && base.text !== "∫" && Object.values(LARGE).includes(base.text)) ||
      (base.kind === "name" && UNDER.has(base.text));
    return { kind: "script", base, ...found, limits };
  }

  private atom(): Formula {
    const token = this.peek() ?? "";
    if (token === "{") return this.group();
    this.next();
    if (token.startsWith("\\")) return this.command(token.slice(1));
    if (/^\d/.test(token)) return { kind: "number", text: token };
    if (/^\p{L}$/u.test(token)) return { kind: "name", text: token };
    if (token === "-") return { kind: "sign", text: "−" };
    const fence = OPENING.includes(token) || CLOSING.includes(token) || token === "|";
    return fence ? { kind: "sign", text: token, fence } : { kind: "sign", text: token };
  }

  private command(name: string): Formula {
    if (name in SPACES) return { kind: "space", em: SPACES[name] ?? 0 };
    if (name in LARGE) return { kind: "sign", text: LARGE[name] ?? "" };
    if (name in GREEK) return { kind: "name", text: GREEK[name] ?? "" };
    if (name in SIGNS) return { kind: "sign", text: SIGNS[name] ?? "" };
    if (name in FENCES) return { kind: "sign", text: FENCES[name] ?? "", fence: true };
    if (ESCAPED.has(name)) return { kind: "sign", text: name };
    if (FUNCTIONS.has(name)) return { kind: "name", text: name, upright: true };
    const accent = ACCENTS[name];
    if (accent) return { kind: "accent", of: this.argument(), mark: accent[0], wide: accent[1] };
    return this.structure(name);
  }

  private structure(name: string): Formula {
    switch (name) {
      case "frac":
      case "tfrac":
      case "dfrac":
        return { kind: "fraction", over: this.argument(), under: this.argument() };
      case "sqrt":
        return { kind: "root", of: this.argument() };
      case "text":
        return { kind: "words", text: this.words() };
      case "mathrm":
      case "operatorname":
      case "mathbf":
      case "mathbb":
        return { kind: "name", text: this.words().trim(), upright: true };
      case "mathbin":
      case "mathrel":
        return this.argument();
      case "left":
        return this.fenced();
      case "begin":
        return this.table(this.words());
      default:
        return { kind: "name", text: UPRIGHT[name] ?? name, upright: true };
    }
  }

  private fence(): Formula {
    const sign = this.atom();
    return sign.kind === "sign" ? { ...sign, fence: true, grows: true } : sign;
  }

  private fenced(): Formula {
    const open = this.fence();
    const inside = this.row((token) => token === "\\right");
    this.next();
    const parts = [open, inside, this.fence()].filter((part) => !(part.kind === "sign" && part.text === "."));
    return { kind: "row", parts };
  }

  private table(name: string): Formula {
    const rows: Formula[][] = [[]];
    while (this.peek() !== undefined && this.peek() !== "\\end") {
      rows[rows.length - 1]?.push(this.row((token) => token === "&" || token === "\\\\" || token === "\\end"));
      if (this.peek() === "\\\\") rows.push([]);
      if (this.peek() !== "\\end") this.next();
    }
    this.next();
    this.words();
    const table: Formula = { kind: "table", rows, cases: name === "cases" };
    const [open, close] = BRACKETS[name] ?? ["", ""];
    const parts = [open, table, close].filter((part) => part !== "");
    return { kind: "row", parts: parts.map((p) => (typeof p === "string" ? { kind: "sign", text: p, fence: true, grows: true } : p)) };
  }
}

function joined(first: Formula | undefined, second: Formula): Formula {
  return first ? { kind: "row", parts: [first, second] } : second;
}

/** What a formula in LaTeX says, as a tree; an unknown command is its own name, so that nothing is lost. */
export function readLatex(source: string): Formula {
  return new Reader(tokens(source)).row(() => false);
}

const RAISED: Record<string, string> = {
  "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹", "−": "⁻",
  "+": "⁺", "⊤": "ᵀ", "′": "′", n: "ⁿ", i: "ⁱ", x: "ˣ", y: "ʸ", T: "ᵀ",
};
const LOWERED: Record<string, string> = {
  "0": "₀", "1": "₁", "2": "₂", "3": "₃", "4": "₄", "5": "₅", "6": "₆", "7": "₇", "8": "₈", "9": "₉", "−": "₋",
  "+": "₊", i: "ᵢ", j: "ⱼ", k: "ₖ", n: "ₙ", x: "ₓ", t: "ₜ", s: "ₛ", p: "ₚ", m: "ₘ", l: "ₗ",
};

function shifted(text: string, table: Record<string, string>, mark: string): string {
  const all = [...text].map((letter) => table[letter]);
  if (all.every((letter) => letter !== undefined)) return all.join("");
  return text.length === 1 ? mark + text : `${mark}(${text})`;
}

function wrapped(part: Formula): string {
  const text = asText(part);
  return part.kind === "row" && part.parts.length > 1 ? `(${text})` : text;
}

const SPACED = new Set([..."+=<>≤≥≠∈∉→←∼≈×·∧∨⊕∘⊙"]);

function rowText(parts: Formula[]): string {
  let text = "";
  parts.forEach((part, index) => {
    const before = parts[index - 1];
    const said = asText(part);
    const binary = part.kind === "sign" && (SPACED.has(said) || (said === "−" && index > 0 && !opens(before)));
    const word = part.kind === "name" && part.upright && /[\p{L}\d)]$/u.test(text);
    const afterWord = isOperator(before) && /^[\p{L}\d]/u.test(said);
    text += binary ? ` ${said} ` : word || afterWord ? ` ${said}` : said;
    if (part.kind === "sign" && (said === "," || said === ";")) text += " ";
  });
  return text.replace(/\s+/g, " ").trim();
}

/** Whether a part is a function or a sum, which stands apart from what it is applied to. */
export function isOperator(part: Formula | undefined): boolean {
  if (part?.kind === "script") return isOperator(part.base);
  if (part?.kind === "sign") return Object.values(LARGE).includes(part.text);
  return part?.kind === "name" && part.upright === true && part.text.length > 1;
}

function opens(part: Formula | undefined): boolean {
  return part === undefined || (part.kind === "sign" && /[([{,=]/.test(part.text));
}

/** A formula as one line of readable text, for labels in pictures and for those who listen. */
export function asText(formula: Formula): string {
  switch (formula.kind) {
    case "name":
    case "number":
    case "sign":
      return formula.text;
    case "words":
      return ` ${formula.text.trim()} `;
    case "space":
      return " ";
    case "row":
      return rowText(formula.parts);
    case "fraction":
      return `${wrapped(formula.over)}/${wrapped(formula.under)}`;
    case "root":
      return `√${wrapped(formula.of)}`;
    case "accent":
      return formula.wide ? `avg(${asText(formula.of)})` : asText(formula.of) + combining(formula.mark);
    case "table":
      return formula.rows.map((row) => row.map(asText).join(formula.cases ? " if " : " ")).join("; ");
    case "script":
      return (
        asText(formula.base) +
        (formula.sub ? shifted(asText(formula.sub), LOWERED, "_") : "") +
        (formula.sup ? shifted(asText(formula.sup), RAISED, "^") : "")
      );
  }
}

function combining(mark: string): string {
  return { "¯": "\u0304", "^": "\u0302", "˙": "\u0307", "~": "\u0303", "→": "\u20d7" }[mark] ?? "";
}
