"""Inspection: copies, contradictions, shared samples, gaps and counts, in numbers, lists, pictures and on the screen."""

import json
import pathlib

import numpy as np
import pytest

from tapegrad.errors import ArgumentError
from tapegrad.lab.data.copies import Fingerprints, conflicts_in, copies_in, shared_between
from tapegrad.lab.data.findings import write_findings
from tapegrad.lab.data.inspect import find_source, inspect_source
from tapegrad.lab.data.source import Samples, Source
from tapegrad.lab.data.split import read_exclusions


def images(*values):
    """Images of 2 × 2 pixels, equal where the values are."""
    return np.array([[[v, 0], [0, v]] for v in values], dtype=np.uint8)


def dirty():
    """Train: 0 = 2 = 5 (labels 0, 0, 1), 1 = 4; test: 0 is train's 1, 1 is train's 3 under another label, 2 is new."""
    train = Samples(images(10, 20, 10, 30, 20, 10), np.array([0, 1, 0, 1, 1, 1]), np.arange(100, 106))
    test = Samples(images(20, 30, 40), np.array([1, 0, 0]), np.arange(3))
    return Source("classification", train, test, ["no", "yes"])


def test_copies_contradictions_and_shared_samples():
    report = inspect_source("dirt", dirty())
    train, test = report["parts"]["train"], report["parts"]["test"]
    assert train["duplicates"] == {"copies": 3, "groups": [[100, 102, 105], [101, 104]]}
    assert train["conflicts"] == [{"positions": [100, 102, 105], "labels": [0, 0, 1]}]
    assert (test["duplicates"]["copies"], test["conflicts"]) == (0, [])
    (shared,) = report["shared"]
    assert (shared["parts"], shared["samples"], shared["other_label"]) == (["train", "test"], 2, 1)
    assert shared["pairs"][0] == {"test": 0, "train": [101, 104], "labels": {"test": 1, "train": [1, 1]}}
    assert (train["counts"], train["imbalance"]) == ([2, 4], 2.0)
    json.dumps(report)


def test_samples_are_equal_only_when_all_of_them_is():
    numbers = Fingerprints().of(np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, 1.0 + 1e-15]]))
    assert numbers.tolist() == [0, 0, 1]
    one = Samples.whole(images(1, 2, 3), np.zeros(3, dtype=np.int64))
    numbers = Fingerprints().of(one.inputs)
    assert copies_in(one, numbers) == {"copies": 0, "groups": []}
    assert conflicts_in(one, numbers) == []
    assert shared_between(("a", "b"), (one, one), (numbers, numbers + 9), True)["samples"] == 0


def test_ranges_and_blank_images():
    pixels = images(0, 7, 3)
    pixels[2] = 3
    train = Samples.whole(pixels, np.array([0, 1, 1]))
    report = inspect_source("x", Source("classification", train, None, ["a", "b"]))["parts"]["train"]
    close = {"mean": pytest.approx(26 / 12), "std": pytest.approx(pixels.std())}
    assert report["range"] == {"min": 0, "max": 7, "different": 3, **close}
    assert report["blank"] == [0, 2]


def test_tables_tell_of_gaps_and_constants(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c\n1,5,x\n?,5,y\n3,5,x\n1,5,y\n")
    name, source = find_source(str(tmp_path / "t.csv"))
    report = inspect_source(name, source)
    assert name == "t.csv"
    first, second = report["columns"]
    assert (first["missing"], first["min"], first["max"], first["constant"], first["different"]) == (1, 1, 3, False, 2)
    assert (second["missing"], second["constant"]) == (0, True)
    assert report["parts"]["train"]["duplicates"]["groups"] == [[0, 3]]
    assert report["parts"]["train"]["conflicts"] == [{"positions": [0, 3], "labels": [0, 1]}]
    values = inspect_source(*find_source(str(tmp_path / "t.csv"), target="1"))
    assert values["classes"] == ["5"]


def test_lists_are_fit_to_be_excluded(tmp_path):
    source = dirty()
    source.kind = "columns"
    paths = write_findings(inspect_source("dirt", source), source, tmp_path)
    assert [pathlib.Path(path).name for path in paths] == [
        "inspect.json",
        "duplicates.txt",
        "conflicts.txt",
        "in-test.txt",
    ]
    assert read_exclusions(tmp_path / "duplicates.txt") == [102, 104, 105]
    assert read_exclusions(tmp_path / "conflicts.txt") == [100, 102, 105]
    assert read_exclusions(tmp_path / "in-test.txt") == [101, 103, 104]
    assert (
        "105     # labelled yes, equals 100, labelled no, equals 102, labelled no"
        in (tmp_path / "conflicts.txt").read_text()
    )


def test_clean_data_leaves_no_lists(tmp_path):
    train = Samples.whole(np.eye(3), np.array([0, 1, 0]))
    source = Source("classification", train, None, ["a", "b"], kind="columns", columns=["x", "y", "z"])
    assert len(write_findings(inspect_source("clean", source), source, tmp_path)) == 1


def test_pictures_show_some_of_every_class_and_the_contradictions(tmp_path, monkeypatch):
    grid = pytest.importorskip("tapegrad.lab.pictures.grid")
    drawn = {}

    def draw(pixels, labels, classes, path, **options):
        drawn[path.name] = (pixels, labels.tolist(), options)
        return str(path)

    monkeypatch.setattr(grid, "draw_samples", draw)
    source = dirty()
    write_findings(inspect_source("dirt", source), source, tmp_path)
    pixels, labels, options = drawn["samples.png"]
    assert (labels, options["rows"], options["columns"]) == ([0, 0, 1, 1], 2, 2)
    pixels, labels, options = drawn["conflicts.png"]
    assert options["captions"] == ["train 100", "train 102", "train 105", "test 1", "train 103"]
    assert labels == [0, 0, 1, 0, 1]
    np.testing.assert_array_equal(pixels, images(10, 10, 10, 30, 30))


def test_sets_recipes_folders_and_files_are_found(tmp_path, write_pictures, hanzi_folder, hanzi_arrays):
    assert len(find_source("digits")[1].train) == 1442
    assert len(find_source("digits/best")[1].train) < 1442
    shades = list(np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((1, 3, 3), dtype=np.uint8))
    top = write_pictures(tmp_path / "pets", {"cat": shades[:3], "dog": shades[3:]})
    name, source = find_source(str(top))
    assert (name, source.classes, len(source.train)) == ("pets", ["cat", "dog"], 6)
    name, source = find_source(str(hanzi_folder))
    np.testing.assert_array_equal(source.test.inputs, hanzi_arrays["test_images"])
    np.savez(tmp_path / "a.npz", x=np.eye(4), y=np.arange(4))
    assert find_source(str(tmp_path / "a.npz"))[1].kind == "columns"
    with pytest.raises(ArgumentError, match="no data set, recipe, folder or file; did you mean 'digits'"):
        find_source("digit")
    with pytest.raises(ArgumentError, match="is no CSV file"):
        find_source("digits", target="3")


def run(*arguments):
    from tapegrad.cli.main import main

    return main(["data", *map(str, arguments)])


def test_the_command_prints_plain_tables_in_both_languages(tmp_path, capsys, hanzi_arrays):
    pytest.importorskip("rich")
    arrays = dict(hanzi_arrays)
    arrays["train_images"][3] = arrays["train_images"][0]
    arrays["test_images"][5] = arrays["train_images"][30]
    np.savez(tmp_path / "hanzi12.npz", **arrays)
    for lang, lines in {
        "en": ["hanzi: classification", "class", "imbalance (largest class by smallest): train 1, test 1"]
        + [
            "train, equal samples under different labels: 0 (博), 3 (学)",
            "test samples that are in train too: 1 (1 under another label)",
        ],
        "zh": [
            "hanzi: 分类",
            "训练, 内容相同而标签不同的样本: 0 (博), 3 (学)",
            "也在训练集中的测试样本: 1 (其中标签不同的 1)",
        ],
    }.items():
        assert run("inspect", "hanzi", "--data", tmp_path, "-o", tmp_path / lang, "--lang", lang) == 0
        out = capsys.readouterr().out
        for line in lines:
            assert line in out
        assert "\x1b" not in out
        assert json.loads((tmp_path / lang / "inspect.json").read_text())["parts"]["train"]["duplicates"]["copies"] == 1
        assert (tmp_path / lang / "samples.png").stat().st_size > 1000


def test_every_word_is_there_in_chinese(capsys):
    pytest.importorskip("rich")
    from tapegrad.cli.tables import show_inspection

    for name in ("sine", "spiral", "digits"):
        show_inspection(inspect_source(name, find_source(name)[1]), "zh")
    assert "回归" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    pytest.importorskip("rich")
    assert run("inspect", "nothing-like-it", "-o", tmp_path) == 2
    assert "no data set, recipe, folder or file" in capsys.readouterr().err


def test_real_hanzi_has_its_known_dirt(data_folder):
    report = inspect_source(*find_source("hanzi", str(data_folder)))
    train = report["parts"]["train"]
    assert train["duplicates"]["copies"] == 119
    assert train["conflicts"] == [{"positions": [427, 1227], "labels": [0, 1]}]
    (shared,) = report["shared"]
    assert (shared["samples"], shared["other_label"]) == (41, 1)
    assert report["parts"]["test"]["duplicates"]["copies"] == 13
    assert train["counts"] == [620] * 12
