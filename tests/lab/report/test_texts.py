"""The two languages say the same things, and sections ask for nothing that they do not have."""

import pathlib
import re

import pytest

import tapegrad.lab.report
from tapegrad.errors import ArgumentError
from tapegrad.lab.report.document import Value
from tapegrad.lab.report.facts import Fact
from tapegrad.lab.report.speaker import Speaker, written
from tapegrad.lab.report.text_en import TEXT as EN
from tapegrad.lab.report.text_zh import TEXT as ZH

FOLDER = pathlib.Path(tapegrad.lab.report.__file__).parent
SOURCE = "".join(p.read_text() for p in FOLDER.glob("*.py") if not p.name.startswith("text_"))


def places(text):
    return set(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_keys():
    assert list(EN) == list(ZH)


def test_both_languages_fill_the_same_places():
    assert [key for key in EN if places(EN[key]) != places(ZH[key])] == []


def test_chinese_is_chinese():
    """No sentence was left in English, and none has the punctuation of English between Chinese characters."""
    mixed = r"[\u4e00-\u9fff][,;:!?](\s|[\u4e00-\u9fff])"
    assert [key for key, text in ZH.items() if re.search(mixed, text)] == []
    without = [key for key, text in ZH.items() if not re.search(r"[\u4e00-\u9fff、，]", text)]
    assert without == ["run title", "sweep picture", "level"]


def used(key):
    """Whether the source names a key: as a whole, or as the beginning and the end of an f-string."""
    if f'"{key}"' in SOURCE:
        return True
    words = key.split(" ")
    return any(
        re.search(re.escape('"' + " ".join(words[:i]) + " {"), SOURCE)
        or re.search(re.escape("} " + " ".join(words[i:]) + '"'), SOURCE)
        for i in range(1, len(words))
    )


def test_no_sentence_is_left_over():
    assert [key for key in EN if not used(key)] == []


def test_sentences_keep_the_sources_of_their_numbers():
    say = Speaker("en")
    fact = Fact("result.json#/epochs", 12)
    spans = say("course seconds", seconds=say.value(fact, "seconds"))
    assert spans == ("An epoch takes ", Value("12\u202fs", "result.json#/epochs"), " on average.")


def test_a_text_falls_back_to_another_language():
    assert Speaker("zh").chosen({"en": "Spiral"}) == "Spiral"
    assert Speaker("zh").chosen({"en": "Spiral", "zh": "螺旋线"}) == "螺旋线"
    assert Speaker("en").chosen("x") == "x"


def test_an_unknown_language_is_refused():
    with pytest.raises(ArgumentError, match="there is no language 'de'"):
        Speaker("de")


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.5, "figure", "0.5000"),
        (12, "figure", "12"),
        (-0.25, "figure", "−0.2500"),
        (3.2e-6, "figure", "3.2e−6"),
        (1234567.0, "figure", "1.235e6"),
        (250.12345, "figure", "250.123"),
        (float("nan"), "figure", "NaN"),
        (float("inf"), "figure", "∞"),
        (0, "figure", "0"),
        (60000, "count", "60,000"),
        (0.031, "percent", "3.1\u202f%"),
        (4.2, "seconds", "4.2\u202fs"),
        (125, "seconds", "2\u202fmin 5\u202fs"),
        (7300, "seconds", "2\u202fh 1\u202fmin"),
        (1e-3, "setting", "0.001"),
        (5e-7, "setting", "5e-7"),
        ([0.9, 0.999], "setting", "0.9, 0.999"),
        (True, "setting", "true"),
        (1.004, "ratio", "1.00"),
        (0.00123, "ratio", "0.00123"),
        ("full", "setting", "full"),
    ],
)
def test_numbers_in_words(value, form, text):
    assert written(value, form) == text
