"""Tables: what each format makes of numbers, spreads, missing cells and special characters."""

import csv
import io
import math
import shutil
import subprocess

import pytest

from tapegrad.errors import ArgumentError
from tapegrad.lab.tables import Column, Spread, Table, escape_latex, escape_markdown


def table(*values, best="max", heading="accuracy"):
    made = Table([Column("level"), Column(heading, best)])
    for i, value in enumerate(values):
        made.add(f"l{i}", value)
    return made


# -- spreads and digits -----------------------------------------------------------------------------------------------


def test_the_deviation_divides_by_n_minus_one():
    spread = Spread.of([1.0, 2.0, 4.0])
    assert spread.mean == pytest.approx(7 / 3)
    assert spread.deviation == pytest.approx(math.sqrt(((4 / 3) ** 2 + (1 / 3) ** 2 + (5 / 3) ** 2) / 2))


def test_the_order_of_the_values_does_not_matter():
    values = [0.1, 0.7, 0.30000001, 1e-9, 123.456]
    assert Spread.of(values) == Spread.of(values[::-1])


def test_one_value_has_no_deviation():
    assert Spread.of([0.5]) == Spread(0.5, None, 1)
    assert table(Spread.of([0.5])).texts() == [["l0", "0.5000"]]


def test_no_values_are_an_error():
    with pytest.raises(ArgumentError, match="no values"):
        Spread.of([])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_has_no_mean_and_is_never_best(bad):
    made = table(Spread.of([bad, 1.0]), Spread.of([0.1, 0.2]), Spread.of([0.3, 0.4]))
    assert made.texts()[0] == ["l0", "nan ± nan"]
    assert made.best() == {(2, 1)}


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((Spread(0.97123, 0.00081), Spread(0.9, 0.0123)), ["0.97123 ± 0.00081", "0.90000 ± 0.01230"]),
        (
            (Spread(0.9, 0.0123), Spread(0.8, 0.02), Spread(0.7, 0.0)),
            ["0.900 ± 0.012", "0.800 ± 0.020", "0.700 ± 0.000"],
        ),
        ((0.00123456, 12.5), ["0.001235", "12.500000"]),
        ((1234.5, 2345.6), ["1234", "2346"]),
        ((3e9, 5.0), ["3e+09", "5"]),
        ((1.5e-12, 2e-12), ["1.5e-12", "2e-12"]),
        ((-0.00001, 1000.0), ["-0.00001000", "1000.00000000"]),
        ((-1e-9, Spread(1.0, 0.5)), ["0.00", "1.00 ± 0.50"]),
        ((0.0, 0.0), ["0.0", "0.0"]),
        ((3, 14), ["3", "14"]),
        ((None, 0.5), ["—", "0.5000"]),
    ],
)
def test_numbers_of_a_column_share_their_decimals(values, texts):
    assert [row[1] for row in table(*values).texts()] == texts


# -- the best -----------------------------------------------------------------------------------------------------------


def test_best_goes_by_the_direction():
    assert table(0.1, 0.3, 0.2, best="max").best() == {(1, 1)}
    assert table(0.1, 0.3, 0.2, best="min").best() == {(0, 1)}
    assert table(0.1, 0.3, 0.2, best=None).best() == set()


def test_equals_share_the_best_and_text_never_has_it():
    assert table(Spread(0.3, 0.1, 2), 0.3, "x", None, best="max").best() == {(0, 1), (1, 1)}


def test_a_single_number_is_not_the_best_of_anything():
    assert table(0.5, None).best() == set()


def test_a_row_must_fit():
    with pytest.raises(ArgumentError, match="3 cells for 2 columns"):
        Table([Column("a"), Column("b")]).add("x", 1, 2)


# -- formats ------------------------------------------------------------------------------------------------------------


def test_markdown_escapes_and_bolds():
    made = Table([Column("a|b"), Column("准确率", "max")])
    made.add("x_y | *z*", 0.5)
    made.add("汉字", 0.25)
    lines = made.to_markdown().splitlines()
    assert lines[0].startswith(r"| a\|b")
    assert lines[1] == "| :----------- | ---------: |"
    assert lines[2] == r"| x_y \| \*z\* | **0.5000** |"
    assert lines[3] == "| 汉字         | 0.2500     |"


def test_markdown_with_a_best_cell_of_the_first_column():
    assert escape_markdown("line one\nline two") == "line one line two"
    assert escape_markdown("_private_ valid_loss __x__") == r"\_private\_ valid_loss \_\_x\_\_"
    assert escape_markdown(r"C:\a [b](c) <b> `x`") == r"C:\\a \[b\](c) \<b> \`x\`"


def test_latex_escapes():
    assert escape_latex("a\\b") == r"a\textbackslash{}b"
    assert escape_latex("50% & #1_x {y} $z ~ ^") == (r"50\% \& \#1\_x \{y\} \$z \textasciitilde{} \textasciicircum{}")
    assert escape_latex("学习率 <0.1>") == r"学习率 \textless{}0.1\textgreater{}"


def test_latex_numbers_are_formulas():
    made = table(Spread(0.5, 0.1, 3), Spread(-0.25, 0.1, 3), None, -4)
    assert made.to_latex().splitlines()[4:8] == [
        r"  l0 & $\mathbf{0.50 \pm 0.10}$ \\",
        r"  l1 & $-0.25 \pm 0.10$ \\",
        r"  l2 & --- \\",
        r"  l3 & $-4$ \\",
    ]
    assert r"$3 \cdot 10^{9}$" in table(3e9).to_latex()
    assert r"1.5 \cdot 10^{-12}" in table(1.5e-12).to_latex()


def test_latex_without_booktabs_uses_plain_lines():
    text = table(0.5).to_latex(booktabs=False)
    assert text.count("\\hline") == 3
    assert "rule" not in text


def test_a_long_column_breaks_in_latex():
    made = Table([Column("level"), Column("why", long=True)])
    made.add("x", "because")
    assert r"\begin{tabular}{lp{0.3\linewidth}}" in made.to_latex()


def test_long_columns_can_be_taken_out():
    made = Table([Column("level"), Column("n"), Column("why", long=True)], caption="c")
    made.add("x", 1, "because")
    made.add("y", 2, "")
    narrow, notes = made.without_long()
    assert narrow == Table([Column("level"), Column("n")], [["x", 1], ["y", 2]], "c")
    assert notes == ["x: because"]


def test_latex_compiles(tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("no LaTeX here")
    made = Table([Column("a_b & c"), Column("50%", "max"), Column("why", long=True)])
    made.add("~ ^ \\ # { } $ < > | × − — ±", Spread(0.5, 0.1, 3), "x" * 3)
    made.add("l", 0.25, None)
    source = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n" + made.to_latex() + "\\end{document}"
    (tmp_path / "t.tex").write_text(source)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_csv_has_every_digit():
    made = table(Spread.of([0.1, 0.2, 0.4]), None, 0.1, heading='a,"b"')
    rows = list(csv.reader(io.StringIO(made.to_csv())))
    assert rows[0] == ["level", 'a,"b"', 'a,"b" sd', 'a,"b" n']
    assert float(rows[1][1]) == Spread.of([0.1, 0.2, 0.4]).mean
    assert float(rows[1][2]) == Spread.of([0.1, 0.2, 0.4]).deviation
    assert rows[1][3] == "3"
    assert rows[2][1:] == ["", "", ""]
    assert rows[3][1:] == ["0.1", "", ""]


def test_text_is_aligned_and_stars_the_best():
    made = table(0.5, 0.25)
    assert made.to_text().splitlines() == ["level  accuracy", "l0      0.5000*", "l1      0.2500"]


def test_rich_takes_text_as_text():
    pytest.importorskip("rich")
    from rich.console import Console

    made = Table([Column("[bold]x"), Column("n", "max")])
    made.add("[red]y", 0.5)
    made.add("z", 0.25)
    console = Console(file=io.StringIO(), width=60)
    console.print(made.to_rich())
    assert "[bold]x" in console.file.getvalue()
    assert "[red]y" in console.file.getvalue()
