"""A finding: its texts in both languages, its pictures, its way into a run's events and back."""

import dataclasses
import json
import string
import xml.etree.ElementTree as ET

import pytest

from tapegrad.errors import ArgumentError
from tapegrad.explain.doctor import texts_en, texts_zh
from tapegrad.explain.doctor.chart import picture, sparkline
from tapegrad.explain.doctor.finding import Finding, ranked
from tapegrad.train.lines import dump, load

EN, ZH = texts_en.TEXTS, texts_zh.TEXTS


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def example(fault, **more):
    evidence = {"loss": 14.2, "expected": 2.3026, "classes": 10, **more}
    return Finding(fault, "fc1", 3, evidence, "optimizer: {lr: 0.1}", 0.7)


def test_both_languages_have_the_same_faults():
    assert list(EN) == list(ZH)


@pytest.mark.parametrize("fault", list(EN))
def test_both_languages_name_the_same_numbers(fault):
    assert EN[fault].keys() == ZH[fault].keys() >= {"title", "message"}
    for key in EN[fault]:
        assert fields(EN[fault][key]) == fields(ZH[fault][key])
        # A text that is told where the evidence has a field names it.
        assert key in ("title", "message") or key.removeprefix("with ") in fields(EN[fault][key])
    assert not fields(EN[fault]["title"])
    assert not fields(ZH[fault]["title"])


@pytest.mark.parametrize("fault", list(EN))
def test_texts_are_of_their_language(fault):
    assert any("\u4e00" <= c <= "\u9fff" for c in ZH[fault]["title"])
    assert not any("\u4e00" <= c <= "\u9fff" for c in EN[fault]["title"] + EN[fault]["message"])


def test_a_message_names_its_numbers():
    text = example("start-loss").message()
    assert text.startswith("The first batch has a loss of 14.2, where guessing among 10 classes gives ln 10 = 2.3.")
    assert "14.2" in example("start-loss").message("zh")


def test_a_number_that_is_missing_is_a_question_mark():
    assert "has a loss of ?" in Finding("start-loss").message()


@pytest.mark.parametrize(("value", "text"), [(1234, "1,234"), (0.000012345, "1.23e-05"), (float("inf"), "inf")])
def test_numbers_read_well(value, text):
    assert f"a loss of {text}," in example("start-loss", loss=value).message()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_the_evidence_tells_more_so_does_the_message(language):
    plain, told = example("dead-units"), example("dead-units", layer="fc1", bias=-20.0)
    assert "-20" not in plain.message(language)
    assert "-20" in told.message(language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_running_statistics_are_told_of_without_losses(language):
    evidence = {"distance": 1.2, "momentum": 0.1}
    assert "?" not in Finding("statistics-stale", "norm1", 8, evidence).message(language)
    assert "0.07" in Finding("statistics-stale", "norm1", 8, evidence | {"loss": 0.07, "evaluated": 2.3}).message(
        language
    )


def test_an_unknown_fault_or_language_is_refused():
    with pytest.raises(ArgumentError, match="there is no fault 'start-los'; did you mean 'start-loss'"):
        Finding("start-los")
    with pytest.raises(ArgumentError, match="there are no texts in 'fr'"):
        example("start-loss").message("fr")


def test_it_goes_into_events_and_back():
    finding = example("start-loss", series=[[1, 2.0], [2, float("nan")]])
    line = load(dump({"event": "finding", "time": 1.0, "step": 4, **finding.to_dict()}))
    back = Finding.from_dict(line)
    assert back.to_dict() | {"evidence": None} == finding.to_dict() | {"evidence": None}
    assert back.message() == finding.message()
    assert json.loads(dump(finding.to_dict()))["evidence"]["series"] == [[1, 2.0], [2, "NaN"]]


def test_the_gravest_comes_first_and_of_equals_the_earliest():
    found = [Finding("start-loss", "a", 5, {}, "", 0.5), Finding("start-loss", "b", 2, {}, "", 0.5)]
    found.append(Finding("start-loss", "c", 9, {}, "", 0.9))
    assert [f.where for f in ranked(found)] == ["c", "b", "a"]


def test_a_sparkline_is_thinned_and_keeps_what_is_not_finite():
    values = [[i, float(i % 7)] for i in range(1000)]
    values[500][1] = float("nan")
    line = sparkline(values, width=30)
    assert len(line) == 30
    assert line.count("×") == 1


def test_a_picture_is_svg_with_the_step_marked():
    finding = example("start-loss", series=[[1, 0.001], [3, 10.0], [6, float("inf")], [9, 2.0]])
    root = ET.fromstring(finding.picture())
    tag = "{http://www.w3.org/2000/svg}"
    points = [tuple(map(float, p.split(","))) for p in root.find(f"{tag}polyline").get("points").split()]
    assert len(points) == 3
    # Between a thousandth and ten the scale is logarithmic: 2 lies nearly as high as 10.
    assert points[1][1] < points[2][1] < points[0][1]
    assert points[2][1] - points[1][1] < 0.25 * points[0][1]
    mark = next(p for p in root.findall(f"{tag}path") if p.get("stroke-dasharray"))
    assert mark.get("d").startswith(f"M{points[1][0]:.1f},")


def test_without_a_course_there_is_no_picture():
    assert example("start-loss").picture() == example("start-loss").sparkline() == ""
    assert picture([[1, 2.0]], 1, "") == ""


def test_names_are_escaped_in_a_notebook():
    finding = Finding("start-loss", "<img src=x>", 0, {}, "a: <b>")
    assert "<img" not in finding._repr_html_()
    assert "&lt;b&gt;" in finding._repr_html_()


def test_printed_it_says_what_is_wrong_and_what_to_try():
    text = str(dataclasses.replace(example("start-loss"), code="model[0].reset_parameters()"))
    first, *_, last = text.split("\n")
    assert first == "The loss at the start is far too high · fc1 · since step 3"
    assert "14.2" in text
    assert last == "   try: model[0].reset_parameters()"
    assert str(example("start-loss")).endswith("try: optimizer: {lr: 0.1}")


def test_events_of_before_there_was_code_are_read():
    fields = example("start-loss").to_dict()
    del fields["code"]
    assert Finding.from_dict(fields) == example("start-loss")


@pytest.mark.parametrize("texts", [EN, ZH], ids=["en", "zh"])
def test_each_fault_has_a_title_of_its_own(texts):
    titles = [text["title"] for text in texts.values()]
    assert sorted(set(titles)) == sorted(titles)
