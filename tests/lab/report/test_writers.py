"""Each block in each of the three formats, and text that must not become markup."""

import base64
import html.parser
import zlib

import pytest

from tapegrad.lab.report.document import (
    Code,
    Document,
    Folded,
    Formulas,
    Heading,
    Items,
    Line,
    Math,
    Mono,
    Note,
    Paragraph,
    Picture,
    Strong,
    Table,
    Value,
)
from tapegrad.lab.report.html import to_html
from tapegrad.lab.report.latex import to_latex
from tapegrad.lab.report.markdown import to_markdown

NASTY = "a<b> & c_d %5 #1 $x$ {y} ~z ^2 \\n *s* `q` [l](m) |p| 汉字"


def document(*blocks, title="Title", language="en"):
    return Document(title, "subtitle", language, "Contents", blocks)


def inside_html(*blocks):
    text = to_html(document(*blocks))
    return text[text.index("<main>\n") + 7 : text.index("\n</main>")]


def inside_markdown(*blocks):
    return to_markdown(document(*blocks)).removeprefix("# Title\n\nsubtitle\n\n").rstrip("\n")


def inside_latex(*blocks):
    text = to_latex(document(*blocks))
    start = text.index("\\tableofcontents\n\n") + len("\\tableofcontents\n\n")
    return text[start : text.index("\n\n\\end{document}")]


def png(path, width=3, height=2):
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    rows = b"".join(b"\x00" + bytes(width) for _ in range(height))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(data)
    return path


BLOCKS = {
    "heading": (
        Heading(1, "Results", "results-1"),
        '<h2 id="results-1">Results</h2>',
        "## Results",
        r"\section{Results}",
    ),
    "deep heading": (
        Heading(3, "Loss", "loss-2"),
        '<h4 id="loss-2">Loss</h4>',
        "#### Loss",
        r"\subsubsection{Loss}",
    ),
    "paragraph": (
        Paragraph(("Accuracy is ", Value("0.98", "result.json#/test_accuracy"), ".")),
        '<p>Accuracy is <span class="value" title="result.json#/test_accuracy" '
        'data-source="result.json#/test_accuracy">0.98</span>.</p>',
        "Accuracy is 0.98.",
        "Accuracy is 0.98.",
    ),
    "spans": (
        Paragraph((Math(r"x \in \mathbb{R}"), " ", Mono("fc1"), " ", Strong("yes"), Value("1", "s", best=True))),
        '<p><math alttext="x \\in \\mathbb{R}"><mrow><mi>x</mi><mo form="infix">∈</mo><mi>ℝ</mi></mrow></math> '
        '<code>fc1</code> <strong>yes</strong><span class="value" title="s" data-source="s"><strong>1</strong></span></p>',
        r"$x \in \mathbb{R}$ `fc1` **yes****1**",
        r"$x \in \mathbb{R}$ \texttt{fc1} \textbf{yes}\textbf{1}",
    ),
    "note": (
        Note(("Left out.",)),
        '<p class="note" role="note">Left out.</p>',
        "> Left out.",
        r"\note{Left out.}",
    ),
    "items": (
        Items((("one",), ("[two]",))),
        "<ul>\n<li>one</li>\n<li>[two]</li>\n</ul>",
        "- one\n- \\[two\\]",
        "\\begin{itemize}\n\\item one\n\\item {}[two]\n\\end{itemize}",
    ),
    "table": (
        Table((("layer",), ("size",)), ((("fc1",), ("10",)), ((), ("2",))), "lr", "Layers"),
        '<div class="wide" tabindex="0"><table><caption>Layers</caption>\n<thead><tr><th scope="col">layer</th>'
        '<th scope="col" class="number">size</th></tr></thead>\n<tbody>\n'
        '<tr><th scope="row">fc1</th><td class="number">10</td></tr>\n'
        '<tr><th scope="row"></th><td class="number">2</td></tr>\n</tbody></table></div>',
        "*Layers*\n\n| layer | size |\n| :--- | ---: |\n| fc1 | 10 |\n|  | 2 |",
        "{\\small\n\\begin{longtable}{@{}lr@{}}\n\\multicolumn{2}{@{}l@{}}{\\small Layers} \\\\*[2pt]\n\\toprule\n"
        "\\textbf{layer} & \\textbf{size} \\\\\n\\midrule\n\\endhead\nfc1 & 10 \\\\\n & 2 \\\\\n\\bottomrule\n"
        "\\end{longtable}}",
    ),
    "code": (
        Code("tapegrad train a_b\n  --x"),
        '<pre tabindex="0"><code class="language-sh">tapegrad train a_b\n  --x</code></pre>',
        "```sh\ntapegrad train a_b\n  --x\n```",
        "\\begin{quote}\\small\\raggedright\n\\texttt{tapegrad \\allowbreak{}train \\allowbreak{}a\\_\\allowbreak{}b} \\\\\n"
        "\\hspace*{1em}\\texttt{-\\allowbreak{}-\\allowbreak{}x}\n\\end{quote}",
    ),
    "folded": (
        Folded("more", (Paragraph(("inside",)),)),
        "<details>\n<summary>more</summary>\n<p>inside</p>\n</details>",
        "<details>\n<summary>more</summary>\n\ninside\n\n</details>",
        "\\paragraph{more}\\mbox{}\n\ninside",
    ),
    "formulas": (
        Formulas((Line("W", "", r"\mathbb{R}^{2}", "fc1"), Line("z", "W x", "", "fc1"), Line("a", "z", "", "act1"))),
        None,
        "`fc1`:\n\n$$\n\\begin{aligned}\nW &\\in \\mathbb{R}^{2} \\\\\nz &= W x\n\\end{aligned}\n$$\n\n"
        "`act1`:\n\n$$\n\\begin{aligned}\na &= z\n\\end{aligned}\n$$",
        "{\\small\n\\begin{align*}\n\\shortintertext{\\texttt{fc1}}\nW &\\in \\mathbb{R}^{2} \\\\\nz &= W x\n"
        "\\shortintertext{\\texttt{act1}}\na &= z\n\\end{align*}}",
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks(name):
    block, as_html, as_markdown, as_latex = BLOCKS[name]
    if as_html is not None:
        assert inside_html(block) == as_html
    assert inside_markdown(block) == as_markdown
    assert inside_latex(block) == as_latex


def test_formulas_name_a_layer_once():
    text = inside_html(BLOCKS["formulas"][0])
    assert text.count("<code>fc1</code>") == 1
    assert text.count("<tr") == 3


def test_pictures(tmp_path):
    path = png(tmp_path / "curves.png")
    block = Picture(path, "a curve", "Loss & rate", 0.5)
    encoded = base64.b64encode(path.read_bytes()).decode()
    page = inside_html(block)
    assert f'<img src="data:image/png;base64,{encoded}" alt="a curve"' in page
    assert "<figcaption>Loss &amp; rate</figcaption>" in page
    assert inside_markdown(block) == "![a curve](pictures/curves.png)\n\n*Loss &amp; rate*"
    assert "{pictures/curves.png}" in inside_latex(block)
    assert r"Loss \& rate" in inside_latex(block)


class Balanced(html.parser.HTMLParser):
    """Collects text and checks that each tag that opens closes."""

    VOID = ("meta", "img", "mspace")

    def __init__(self):
        super().__init__()
        self.open, self.text, self.addresses = [], "", []

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag]
        self.open.pop()

    def handle_data(self, data):
        self.text += data


def parsed(page):
    reader = Balanced()
    reader.feed(page)
    assert reader.open == []
    return reader


EVERYWHERE = (
    Heading(1, NASTY, "x"),
    Paragraph((NASTY, Mono(NASTY), Strong(NASTY), Value(NASTY, NASTY))),
    Note((NASTY,)),
    Items(((NASTY,),)),
    Table(((NASTY,), ("b",)), (((NASTY,), (Mono(NASTY),)),), "ll", NASTY),
    Code(NASTY),
    Folded(NASTY, (Paragraph((NASTY,)),)),
)


def test_names_do_not_become_markup_in_html():
    page = to_html(document(*EVERYWHERE, title=NASTY))
    reader = parsed(page)
    assert reader.text.count(NASTY) >= 12
    assert "<b>" not in page


def test_names_do_not_become_markup_in_markdown():
    text = inside_markdown(Paragraph((NASTY,)))
    assert text == (r"a\<b\> &amp; c\_d %5 \#1 \$x\$ \{y\} \~z ^2 \\n \*s\* \`q\` \[l\](m) \|p\| 汉字")
    row = inside_markdown(Table((), ((("a|b",), (Mono("c|d"),)),), "ll")).splitlines()[-1]
    assert row == r"| a\|b | `c\|d` |"
    assert inside_markdown(Paragraph((Mono("a`b"),))) == "``a`b``"
    for start in ("- x", "+ x", "1. x", "# x"):
        assert inside_markdown(Paragraph((start,)))[0] == "\\" or inside_markdown(Paragraph((start,))).startswith(
            "1\\."
        )


def test_names_do_not_become_markup_in_latex():
    assert inside_latex(Paragraph((NASTY,))) == (
        r"a\textless{}b\textgreater{} \& c\_d \%5 \#1 \$x\$ \{y\} \textasciitilde{}z \textasciicircum{}2 "
        r"\textbackslash{}n *s* \textasciigrave{}q\textasciigrave{} [l](m) \textbar{}p\textbar{} 汉字"
    )


def test_a_bar_in_a_formula_does_not_end_a_table_cell():
    row = inside_markdown(Table((), (((Math("|x|"),),),), "l")).splitlines()[-1]
    assert row == r"| $\vert x\vert $ |"


def test_the_page_needs_nothing_else(tmp_path):
    page = to_html(document(*EVERYWHERE, Picture(png(tmp_path / "a.png"), "a", "b")))
    for address in parsed(page).addresses:
        assert address.startswith(("data:", "#"))
    assert "<script" not in page
    assert "@import" not in page
    assert "url(" not in page


def test_the_table_of_contents_leads_to_the_headings():
    page = to_html(document(Heading(1, "One", "one-1"), Heading(2, "Two", "two-2"), Heading(3, "Three", "three-3")))
    assert '<li class="level1"><a href="#one-1">One</a></li>' in page
    assert '<li class="level2"><a href="#two-2">Two</a></li>' in page
    assert "#three-3" not in page


def test_the_language_is_said():
    assert '<html lang="zh-CN">' in to_html(document(language="zh-CN"))
    assert "ctexart" in to_latex(document(language="zh-CN"))
    assert "ctexart" not in to_latex(document(language="en"))


def test_long_columns_of_latex_tables_break():
    block = Table(((("file",)), ("sum",)), (((Mono("a" * 30),), (Mono("f" * 64),)),), "ll")
    assert ">{\\raggedright\\arraybackslash}p{" in inside_latex(block)
