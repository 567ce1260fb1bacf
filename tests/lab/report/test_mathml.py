"""From LaTeX to MathML."""

import xml.etree.ElementTree as ElementTree

import pytest

import tapegrad  # noqa: F401  (fills the registry)
from tapegrad.core.primitive import REGISTRY
from tapegrad.errors import FileFormatError
from tapegrad.explain.formulas.mathml import to_mathml


def body(latex, display=False):
    text = to_mathml(latex, display)
    return text[text.index(">") + 1 : -len("</math>")]


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("x", "<mi>x</mi>"),
        ("0.01", "<mn>0.01</mn>"),
        ("x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        (r"\alpha", "<mi>α</mi>"),
        (r"\frac{1}{N}", "<mfrac><mn>1</mn><mi>N</mi></mfrac>"),
        (r"\sqrt{x}", "<msqrt><mi>x</mi></msqrt>"),
        (r"\mathbb{R}", "<mi>ℝ</mi>"),
        (r"\text{a & b}", "<mtext>a\u00a0&amp;\u00a0b</mtext>"),
        (r"\mathrm{m}", '<mi mathvariant="normal">m</mi>'),
        (r"x'", "<msup><mi>x</mi><mo>′</mo></msup>"),
    ],
)
def test_pieces(latex, expected):
    assert body(latex) == expected


def test_limits_stand_below_only_where_there_is_room():
    assert body(r"\sum_{i=1}^{n} x", display=True).startswith("<mrow><munderover>")
    assert body(r"\sum_{i=1}^{n} x").startswith("<mrow><msubsup>")


def test_a_minus_is_a_sign_or_a_difference():
    assert body("-x").startswith('<mrow><mo form="prefix">−</mo>')
    assert '<mo form="prefix">−</mo>' in body("y = -x")
    assert '<mo form="prefix">' not in body("y - x")


def test_functions_keep_away_from_their_argument():
    assert body(r"\ln x") == '<mrow><mi>ln</mi><mspace width="0.17em"/><mi>x</mi></mrow>'
    assert "mspace" not in body(r"\ln(x)")


def test_cases_are_a_table():
    text = body(r"\begin{cases} x & x > 0 \\ 0 & x \le 0 \end{cases}")
    assert text.count("<mtr>") == 2
    assert text.count("<mtd") == 4


def test_the_source_stays_readable_for_those_who_do_not_see_it():
    assert to_mathml('x < "y"').startswith('<math alttext="x &lt; &quot;y&quot;">')


def test_every_formula_of_the_registry_is_well_formed():
    formulas = {text for p in REGISTRY.values() for text in (p.formula, p.derivative) if text}
    assert len(formulas) > 200
    for latex in formulas:
        ElementTree.fromstring(to_mathml(latex, display=True))


@pytest.mark.parametrize(
    ("latex", "what"),
    [
        (r"\nonsense x", "the command '\\nonsense' is not known"),
        (r"\begin{matrix} x \end{matrix}", "the environment 'matrix' is not known"),
        ("{x", "'}' is missing"),
        ("x}", "'}' closes nothing"),
        (r"\left( x", r"'\right' is missing"),
        (r"\frac{1}", "something is missing at the end"),
    ],
)
def test_what_is_not_understood_is_refused(latex, what):
    with pytest.raises(FileFormatError) as caught:
        to_mathml(latex)
    assert what in str(caught.value)
