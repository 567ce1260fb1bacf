"""Labels with Chinese characters, on machines with a font for them and without."""

import shutil

import numpy as np
import pytest

from tapegrad.errors import ArgumentError, TapegradWarning
from tapegrad.lab import fonts, words
from tapegrad.lab.pictures import draw_confusion, draw_curves

HANZI = list("博学笃志切问近思自由无用")
RECORDS = [{"epoch": 1, "step": 10, "rate": 0.1, "loss": 1.0}, {"epoch": 2, "step": 20, "rate": 0.1, "loss": 0.5}]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.delenv("TAPEGRAD_FONT", raising=False)
    fonts._find.cache_clear()
    yield
    fonts._find.cache_clear()


def test_a_font_for_every_character_of_the_labels_is_found(chinese):
    text = "".join(pair[1] for pair in words.WORDS.values()) + "".join(HANZI) + "训练验证准确率损失，。：（）"
    assert fonts.drawable(text) == text
    assert fonts.families()[0] == "DejaVu Sans"
    assert fonts.drawable_names(HANZI) == HANZI


def test_chinese_labels_reach_the_picture(seen, chinese, tmp_path):
    draw_curves(RECORDS, tmp_path / "a.png", lang="zh")
    assert seen.labels() == [("轮次", "损失")]
    draw_confusion(np.eye(12, dtype=int), HANZI, tmp_path / "b.png")
    assert [label.get_text() for label in seen.axes[0].get_xticklabels()] == HANZI
    assert fonts.chinese_family() in seen.axes[0].get_xticklabels()[0].get_fontfamily()


def pair_in_chinese(folder):
    draw_curves(RECORDS, folder / "a.png", lang="zh")
    draw_confusion(np.eye(12, dtype=int), HANZI, folder / "b.png", lang="zh")


def test_without_a_font_one_warning_says_what_to_install(seen, no_chinese, tmp_path):
    assert fonts.chinese_family() is None
    with pytest.warns(
        TapegradWarning, match=r"fonts: no installed font .* install Noto Sans CJK .*TAPEGRAD_FONT"
    ) as told:
        pair_in_chinese(tmp_path)
    assert len(told) == 1


def test_without_a_font_labels_are_english_and_classes_are_numbers(seen, no_chinese, tmp_path):
    with pytest.warns(TapegradWarning):
        assert fonts.usable_language("zh") == "en"
    draw_curves(RECORDS, tmp_path / "a.png", lang="zh")
    assert seen.labels() == [("epoch", "loss")]
    draw_confusion(np.eye(12, dtype=int), HANZI, tmp_path / "b.png", lang="zh")
    assert [label.get_text() for label in seen.axes[0].get_xticklabels()] == [str(i) for i in range(12)]
    assert fonts.drawable("学 rate") == "□ rate"


def test_without_a_font_english_pictures_do_not_warn(seen, no_chinese, tmp_path):
    draw_curves(RECORDS, tmp_path / "a.png")
    draw_confusion(np.eye(2, dtype=int), ["cat", "dog"], tmp_path / "b.png")


def test_the_font_that_the_environment_names_comes_first(chinese, monkeypatch, tmp_path):
    from matplotlib import font_manager

    file = font_manager.findfont(font_manager.FontProperties(family=[fonts.chinese_family()]))
    given = str(shutil.copy(file, tmp_path / "given.ttc"))
    monkeypatch.setenv("TAPEGRAD_FONT", given)
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(font_manager.fontManager.ttflist))
    family = fonts.chinese_family()
    assert family is not None
    assert given in {entry.fname for entry in font_manager.fontManager.ttflist if entry.name == family}


def test_fonts_that_were_installed_after_matplotlib_listed_them_are_found(chinese, monkeypatch):
    from matplotlib import font_manager

    file = font_manager.findfont(font_manager.FontProperties(family=[fonts.chinese_family()]))
    entries = [entry for entry in font_manager.fontManager.ttflist if entry.name.startswith("DejaVu")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", entries)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *args, **keywords: [str(file)])
    fonts._find.cache_clear()
    assert fonts.chinese_family() is not None


@pytest.mark.parametrize("content", [b"no font", None])
def test_an_environment_that_names_no_font_is_told_and_passed_over(no_chinese, monkeypatch, tmp_path, content):
    path = tmp_path / "wrong.ttf"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("TAPEGRAD_FONT", str(path))
    with pytest.warns(TapegradWarning, match="TAPEGRAD_FONT is .*wrong.ttf, which is no font with Chinese"):
        assert fonts.chinese_family() is None


def test_a_latin_font_in_the_environment_is_none_for_chinese(no_chinese, monkeypatch):
    from matplotlib import font_manager

    monkeypatch.setenv("TAPEGRAD_FONT", font_manager.findfont("DejaVu Serif"))
    with pytest.warns(TapegradWarning, match="no font with Chinese"):
        assert fonts.chinese_family() is None


@pytest.mark.parametrize("name", ["$5", "a$b$c", r"$\no{such}$", "x_1^2", "tab\there", "bell\a", "🐈", "\u200b"])
def test_names_that_matplotlib_would_stumble_over_are_drawn(seen, tmp_path, name):
    draw_confusion(np.eye(2, dtype=int), [name, "dog"], tmp_path / "a.png")


def test_a_name_without_glyphs_becomes_its_number():
    assert fonts.drawable_names(["dog", "𓀀𓀁"]) == ["dog", "1"]


def test_words():
    assert words.word("valid_accuracy", "zh") == "验证准确率"
    assert words.word("test accuracy", "zh") == "测试准确率"
    assert words.word("my_metric", "zh") == "my metric"
    assert all(len(pair) == 2 and all(pair) for pair in words.WORDS.values())


def test_an_unknown_language_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="no language 'cn'"):
        draw_curves(RECORDS, tmp_path / "a.png", lang="cn")
