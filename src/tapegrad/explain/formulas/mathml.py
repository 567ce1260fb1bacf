r"""From LaTeX to MathML, for the part of LaTeX that the project's formulas use.

Browsers draw MathML themselves, so that a page with formulas needs no script and no network. Commands that are not in
the tables below raise an error instead of vanishing: a test sends every formula of the registry and of the report here.
Reference: https://www.w3.org/TR/mathml-core/
"""

from __future__ import annotations

import re
from html import escape

from ...errors import FileFormatError

__all__ = ["GREEK", "to_mathml", "tokens"]

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:[.,][0-9]+)*|\s+|.", re.DOTALL)


def _pairs(text: str) -> dict[str, str]:
    """Return the first, third, ... word's meaning: the second, the fourth, ..."""
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


GREEK = _pairs("""
    alpha α beta β gamma γ delta δ epsilon ϵ zeta ζ eta η theta θ kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ
    tau τ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ Psi Ψ Omega Ω
""")
_IDENTIFIERS = {**GREEK, **_pairs("infty ∞ partial ∂ nabla ∇ dots … ldots … cdots ⋯ ell ℓ top ⊤")}
_OPERATORS = _pairs("""
    cdot ⋅ times × odot ⊙ oplus ⊕ circ ∘ pm ± mp ∓ land ∧ lor ∨ lnot ¬ le ≤ ge ≥ ne ≠ leq ≤ geq ≥ neq ≠ in ∈ notin ∉ sim ∼ to → leftarrow ← mapsto ↦
    mid ∣ approx ≈ setminus ∖ cup ∪ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ langle ⟨ rangle ⟩ lvert | rvert | lVert ‖ rVert ‖
    & & { { } } # # | ‖ % % _ _
""")
_RELATIONS = {"le", "ge", "ne", "leq", "geq", "neq", "in", "notin", "sim", "to", "leftarrow", "approx"}
_LARGE = _pairs("sum ∑ prod ∏ bigwedge ⋀ bigvee ⋁ int ∫")
_FUNCTIONS = {"exp", "ln", "log", "max", "min", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arg", "det", "gcd"}
_FUNCTIONS |= {f"arc{name}" for name in ("sin", "cos", "tan")}
_SPACES = {",": "0.17em", ":": "0.22em", ";": "0.28em", "!": "-0.17em", " ": "0.25em", "quad": "1em", "qquad": "2em"}
_THIN = '<mspace width="0.17em"/>'
_NO_SPACE_BEFORE = ("", "(", "[", ")", "}", ",", "&", r"\left", r"\right", r"\\", r"\,")
_SIGNS = ("+", "-", "/", r"\odot", r"\sim", r"\,", r"\left", "|")
# After these a minus is a sign, not a difference.
_OPENING = ("", *"=([{,<>&", *(rf"\{name}" for name in ("le", "ge", "leq", "geq", "leftarrow", "cdot", "\\", "in")))
_ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~", "dot": "˙", "overline": "‾"}
_LETTERS = {"mathrm", "mathbf", "mathbb", "mathcal", "mathbin", "text", "operatorname"}
_SCRIPT = {"L": "ℒ", "J": "𝒥", "D": "𝒟", "N": "𝒩", "U": "𝒰", "S": "𝒮", "B": "ℬ"}
_BLACKBOARD = {"R": "ℝ", "N": "ℕ", "Z": "ℤ", "E": "𝔼"}


def tokens(latex: str) -> list[str]:
    """Return the commands, numbers, spaces and characters that a formula consists of."""
    return _TOKEN.findall(latex)


def to_mathml(latex: str, display: bool = False) -> str:
    """Return a formula as a ``<math>`` element; ``display`` puts limits above and below sums.

    Raises FileFormatError for commands that this does not know, and for brackets that do not match.

    >>> print(to_mathml("x^2"))
    <math alttext="x^2"><msup><mi>x</mi><mn>2</mn></msup></math>
    """
    body = _Reader(latex, display).read()
    mode = ' display="block"' if display else ""
    return f'<math{mode} alttext="{escape(latex)}">{body}</math>'


def _row(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


class _Reader:
    """Reads one formula from left to right."""

    def __init__(self, latex: str, display: bool):
        self.latex = latex
        self.display = display
        self.tokens = tokens(latex)
        self.place = 0
        self.before = self.current = ""

    def refuse(self, what: str) -> FileFormatError:
        return FileFormatError("formula", f"{what} in '{self.latex}'", "use the LaTeX that explain/formulas knows")

    def peek(self) -> str:
        while self.place < len(self.tokens) and self.tokens[self.place].isspace():
            self.place += 1
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        if not token:
            raise self.refuse("something is missing at the end")
        self.place += 1
        self.before, self.current = self.current, token
        return token

    def read(self) -> str:
        parts = self.parts(())
        if self.peek():
            raise self.refuse(f"'{self.peek()}' closes nothing")
        return _row(parts)

    def parts(self, stops: tuple[str, ...]) -> list[str]:
        """Return what comes before one of ``stops``, which is left unread, or before the end."""
        found = []
        while (token := self.peek()) and token not in stops and token not in ("}", r"\right", r"\end", "&", r"\\"):
            found.append(self.scripted())
        return found

    def scripted(self) -> str:
        """Return an atom with what is written below and above it, and a little space around the name of a function."""
        function = self.peek()[1:] in (*_FUNCTIONS, "operatorname")
        gap = _THIN if function and self.current not in _OPENING and self.current not in _SIGNS else ""
        atom = gap + self.with_scripts()
        return atom + _THIN if function and self.peek() not in _NO_SPACE_BEFORE else atom

    def with_scripts(self) -> str:
        limits = self.peek()[1:] in _LARGE or self.peek() in (r"\max", r"\min", r"\operatorname")
        base = self.atom()
        below = above = ""
        while self.peek() in ("^", "_", "'"):
            token = self.next()
            if token == "_":
                below = self.argument()
            else:
                more = "<mo>′</mo>" if token == "'" else self.argument()
                above = f"<mrow>{above}{more}</mrow>" if above else more
        if not (below or above):
            return base
        names = ("munder", "mover", "munderover") if limits and self.display else ("msub", "msup", "msubsup")
        kind = names[2 if below and above else 0 if below else 1]
        return f"<{kind}>{base}{below}{above}</{kind}>"

    def argument(self) -> str:
        """Return a braced group, or the next atom."""
        if self.peek() != "{":
            return self.atom()
        self.next()
        parts = self.parts(())
        self.expect("}")
        return _row(parts) if parts else "<mrow></mrow>"

    def expect(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise self.refuse(f"'{wanted}' is missing")
        self.next()

    def words(self) -> str:
        """Return a braced group as it is written."""
        self.expect("{")
        start, depth = self.place, 1
        while depth:
            if self.place >= len(self.tokens):
                raise self.refuse("'}' is missing")
            depth += {"{": 1, "}": -1}.get(self.tokens[self.place], 0)
            self.place += 1
        return "".join(self.tokens[start : self.place - 1])

    def atom(self) -> str:
        token = self.next()
        if token == "{":
            self.place -= 1
            return self.argument()
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{token}</mi>"
        if token in "()[]":
            return f'<mo stretchy="false">{token}</mo>'
        if token == "|":
            return '<mo stretchy="false" lspace="0" rspace="0">|</mo>'
        sign = ' form="prefix"' if token in "+-" and self.before in _OPENING else ""
        return f"<mo{sign}>{escape({'-': '−', '*': '∗'}.get(token, token))}</mo>"

    def command(self, name: str) -> str:
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}"/>'
        if name in _IDENTIFIERS:
            return f"<mi>{_IDENTIFIERS[name]}</mi>"
        if name in _OPERATORS:
            # A relation that begins a formula keeps the space around it.
            kind = ' form="infix"' if name in _RELATIONS else ' stretchy="false"'
            return f"<mo{kind}>{escape(_OPERATORS[name])}</mo>"
        if name in _LARGE:
            return f'<mo largeop="true" movablelimits="false">{_LARGE[name]}</mo>'
        if name in _FUNCTIONS:
            return f"<mi>{name}</mi>"
        if name in _ACCENTS:
            stretch = "true" if name == "overline" else "false"
            # As an accent proper, browsers set a bar so low that it touches the letter.
            return f'<mover>{self.argument()}<mo stretchy="{stretch}">{_ACCENTS[name]}</mo></mover>'
        if name in _LETTERS:
            return self.lettered(name)
        if name == "frac":
            return f"<mfrac>{self.argument()}{self.argument()}</mfrac>"
        if name == "sqrt":
            return f"<msqrt>{self.argument()}</msqrt>"
        if name == "left":
            return self.fenced()
        if name == "begin":
            return self.environment()
        raise self.refuse(f"the command '\\{name}' is not known")

    def lettered(self, name: str) -> str:
        text = self.words()
        if name == "mathbin":
            return _Reader(text, self.display).read()
        text = re.sub(r"\\([_%&#{}$ ])", r"\1", text)
        if name == "text":
            return f"<mtext>{escape(text.replace(' ', chr(160)))}</mtext>"
        special = {"mathcal": _SCRIPT, "mathbb": _BLACKBOARD}.get(name, {})
        text = "".join(special.get(letter, letter) for letter in text)
        # A single letter would be set in italics, which mathrm is there to prevent.
        upright = ' mathvariant="normal"' if len(text) == 1 and name in ("mathrm", "operatorname") else ""
        return f"<mi{upright}>{escape(text)}</mi>"

    def fenced(self) -> str:
        opening = self.delimiter()
        parts = self.parts(())
        self.expect(r"\right")
        return f"<mrow>{opening}{''.join(parts)}{self.delimiter()}</mrow>"

    def delimiter(self) -> str:
        token = self.next()
        sign = "" if token == "." else _OPERATORS.get(token[1:], token[1:]) if token.startswith("\\") else token
        return f"<mo>{escape(sign)}</mo>" if sign else ""

    def environment(self) -> str:
        kind = self.words()
        fences = {"cases": ("{", ""), "pmatrix": ("(", ")")}.get(kind)
        if fences is None:
            raise self.refuse(f"the environment '{kind}' is not known")
        rows: list[str] = []
        while self.peek() != r"\end":
            cells = [_row(self.parts(()) or [""])]
            while self.peek() == "&":
                self.next()
                cells.append(_row(self.parts(()) or [""]))
            rows.append("<mtr>" + "".join(f'<mtd style="text-align:left">{cell}</mtd>' for cell in cells) + "</mtr>")
            if self.peek() == r"\\":
                self.next()
            elif self.peek() != r"\end":
                raise self.refuse(f"'\\end{{{kind}}}' is missing")
        self.next()
        self.words()
        opening, closing = (f"<mo>{sign}</mo>" if sign else "" for sign in fences)
        return f"<mrow>{opening}<mtable>{''.join(rows)}</mtable>{closing}</mrow>"
