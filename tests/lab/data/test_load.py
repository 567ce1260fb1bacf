"""Data from configurations: parts, splits, scaling, exclusions, and what is wrong in one sentence."""

import hashlib
import json
import zipfile

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, DataError, FileFormatError
from tapegrad.lab.data import SETS
from tapegrad.lab.data.check import legal_arguments
from tapegrad.vision import datasets

# -- points ---------------------------------------------------------------------------------------------------------


def test_spiral_is_the_books_and_its_test_points_are_nobodys(load):
    sets = load(set="spiral", split={"valid": 0})
    x, y = datasets.spiral(100, 3, seed=0)
    np.testing.assert_array_equal(sets.train.inputs, x.array)
    np.testing.assert_array_equal(sets.train.targets, y.array)
    assert sets.valid is None
    assert len(sets.test) == 3000
    small = load(set="spiral", arguments={"test_points": 100}, split={"valid": 0})
    for seed in range(20):
        assert not np.array_equal(load(set="spiral", seed=seed, split={"valid": 0}).train.inputs, small.test.inputs)


def test_the_seed_is_the_experiments_unless_it_is_given(load):
    ninth = load(set="moons", seed=9, split={"valid": 0}).train.inputs
    given = load(set="moons", seed=1, arguments={"seed": 9}, split={"valid": 0}).train.inputs
    other = load(set="moons", seed=1, split={"valid": 0}).train.inputs
    np.testing.assert_array_equal(ninth, given)
    assert (ninth != other).any()


@pytest.mark.parametrize("name", ["spiral", "moons", "circles", "sine"])
def test_points_do_not_depend_on_the_default_dtype(load, name):
    plain = load(set=name, dtype="float64").train.inputs
    before = tg.get_default_dtype()
    tg.set_default_dtype(tg.float16)
    try:
        again = load(set=name, dtype="float64").train.inputs
        assert tg.get_default_dtype() == tg.float16
    finally:
        tg.set_default_dtype(before)
    assert plain.dtype == np.float64
    np.testing.assert_array_equal(plain, again)
    assert load(set=name).train.inputs.dtype == np.float32


def test_sine_reaches_both_ends_and_is_tested_without_noise(load):
    sets = load(
        set="sine", arguments={"points": 50, "test_points": 80, "noise": 0.1}, dtype="float64", split={"valid": 0}
    )
    x, y = sets.train.inputs, sets.train.targets
    assert (sets.task, x.shape, y.shape, sets.classes) == ("regression", (50, 1), (50, 1), None)
    np.testing.assert_allclose(x[[0, -1], 0], [-np.pi, np.pi])
    assert 0.05 < np.std(y - np.sin(x)) < 0.2
    np.testing.assert_array_equal(sets.test.targets, np.sin(sets.test.inputs))


def test_a_set_may_have_no_test_points(load):
    assert load(set="circles", arguments={"test_points": 0}).test is None


# -- splits and exclusions ------------------------------------------------------------------------------------------


def test_parts_divide_the_source_and_say_where_samples_come_from(load):
    sets = load(set="digits", split={"valid": 0.1})
    images = datasets.Digits(train=True)
    assert sorted([*sets.train.index, *sets.valid.index]) == list(range(1442))
    for part in (sets.train, sets.valid):
        np.testing.assert_array_equal(part.inputs[:, 0], images.data.array[part.index] / np.float32(16))
        np.testing.assert_array_equal(part.labels, images.targets.array[part.index])
    counts = np.bincount(sets.valid.labels)
    assert len(sets.valid) == 144
    assert counts.max() - counts.min() <= 1
    assert len(sets.test) == 355


def test_the_splits_seed_is_its_own(load):
    first, second = (load(set="digits", seed=s, split={"valid": 99, "seed": 5}).valid.index for s in (0, 1))
    np.testing.assert_array_equal(first, second)
    assert (load(set="digits", split={"valid": 99}).valid.index != first).any()


def test_what_is_excluded_changes_nothing_else(load):
    before = load(set="digits")
    bad = [*before.train.index[:5].tolist(), int(before.valid.index[0])]
    after = load(set="digits", exclude=bad)
    np.testing.assert_array_equal(after.train.index, before.train.index[5:])
    np.testing.assert_array_equal(after.valid.index, before.valid.index[1:])
    np.testing.assert_array_equal(after.test.inputs, before.test.inputs)


def test_exclusions_may_stand_in_a_file_beside_the_recipe(load, tmp_path):
    (tmp_path / "bad.txt").write_text("0\n3 # a smudge\n")
    sets = load(tmp_path, set="digits", exclude="bad.txt", split={"valid": 0})
    assert set(range(5)) - set(sets.train.index) == {0, 3}
    digest = hashlib.sha256((tmp_path / "bad.txt").read_bytes()).hexdigest()
    assert digest in sets.sources.values()


def test_exclusions_out_of_range_or_missing(load):
    with pytest.raises(ArgumentError, match=r"no sample 1442; positions go from 0 to 1441"):
        load(set="digits", exclude=[1442])
    with pytest.raises(DataError, match=r"data\.exclude: there is no .*nothing\.txt"):
        load(set="digits", exclude="nothing.txt")


def test_a_limit_takes_from_every_class_and_leaves_the_rest_alone(load):
    whole, few = load(set="digits"), load(set="digits", limit=50)
    assert np.bincount(few.train.labels).tolist() == [5] * 10
    assert set(few.train.index) < set(whole.train.index)
    np.testing.assert_array_equal(few.valid.index, whole.valid.index)
    with pytest.raises(DataError, match=r"class \d \('\d'\) has none of the 7"):
        load(set="digits", limit=7)


# -- scaling --------------------------------------------------------------------------------------------------------


def test_images_are_measured_on_the_training_part(load):
    sets = load(set="digits", standardize=True, dtype="float64")
    plain = load(set="digits", dtype="float64").train.inputs
    assert sets.statistics["mean"] == pytest.approx(plain.mean(), rel=1e-12)
    assert sets.statistics["std"] == pytest.approx(plain.std(), rel=1e-12)
    assert sets.train.inputs.mean() == pytest.approx(0, abs=1e-12)
    assert sets.train.inputs.std() == pytest.approx(1, rel=1e-12)
    assert abs(sets.valid.inputs.mean()) > 1e-6
    json.dumps(sets.statistics)


def test_given_mean_and_std_are_used(load):
    plain = load(set="digits").train.inputs
    sets = load(set="digits", standardize={"mean": 0.5, "std": 0.25})
    np.testing.assert_allclose(sets.train.inputs, (plain - 0.5) / 0.25, rtol=1e-6)
    half = load(set="digits", standardize={"mean": 0.0})
    assert half.statistics["mean"] == 0
    assert half.statistics["std"] == pytest.approx(plain.std(dtype=np.float64), rel=1e-6)


def test_columns_are_measured_one_by_one(load):
    sets = load(set="spiral", standardize=True, dtype="float64")
    np.testing.assert_allclose(sets.train.inputs.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(sets.train.inputs.std(axis=0), 1, rtol=1e-12)
    assert len(sets.statistics["mean"]) == 2


def test_classes_as_numbers(load):
    sets = load(set="digits", target_scale=10)
    assert (sets.task, sets.train.targets.shape, sets.train.targets.dtype) == ("regression", (1298, 1), np.float32)
    np.testing.assert_array_equal(sets.train.targets[:, 0], (sets.train.labels / 10).astype(np.float32))
    assert sets.train.labels.dtype == np.int64
    assert sets.classes == [str(i) for i in range(10)]


def test_pictures_are_as_they_were(load):
    sets = load(set="digits", standardize=True)
    assert (sets.train.images.dtype, sets.train.images.max()) == (np.uint8, 255)
    np.testing.assert_array_equal(
        sets.train.images, np.rint(datasets.Digits(train=True).data.array[sets.train.index] * (255 / 16))
    )


# -- arguments ------------------------------------------------------------------------------------------------------


def test_every_set_takes_keywords_alone():
    for name, loader in SETS.items():
        assert "place" not in legal_arguments(loader), name
    assert list(legal_arguments(SETS["spiral"])) == ["points", "classes", "noise", "test_points", "seed"]
    assert list(legal_arguments(SETS["mnist"])) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"set": "digit"}, "no set 'digit'; did you mean 'digits'"),
        ({"set": "spiral", "arguments": {"point": 3}}, "no argument 'point'; did you mean 'points'"),
        ({"set": "digits", "arguments": {"points": 3}}, "takes no argument 'points'; leave it out"),
        ({"set": "spiral", "arguments": {"points": "many"}}, r"points: is 'many'; give a whole number"),
        ({"set": "spiral", "arguments": {"points": True}}, r"points: is True"),
        ({"set": "spiral", "arguments": {"points": 0}}, "points is 0"),
        ({"set": "spiral", "arguments": {"noise": -1.0}}, "noise is -1"),
        ({"set": "spiral", "arguments": {"seed": 2**31}}, "seed: is 2147483648"),
        ({"set": "csv"}, "'csv' needs path"),
        ({"set": "hanzi", "arguments": {"source": "bpm"}}, "no 'bpm'; did you mean 'bmp'"),
        ({"set": "digits", "split": {"valid": 2000}}, "takes 2,000 of 1,442"),
        ({"set": "sine", "arguments": {"points": 1}}, "2 points or more"),
    ],
)
def test_arguments_that_do_not_fit(load, data, says):
    with pytest.raises(ArgumentError, match=says):
        load(**data)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("mnist", "mnist"), ("fashion-mnist", "fashion-mnist"), ("hanzi", "hanzi12"), ("breastmnist", "medmnist")],
)
def test_data_that_is_not_there(load, tmp_path, monkeypatch, name, folder):
    monkeypatch.delenv("TAPEGRAD_DATA", raising=False)
    with pytest.raises(DataError, match=f"no folder {folder} .*{tmp_path}.*; set TAPEGRAD_DATA or data.root"):
        load(set=name, root=str(tmp_path))


# -- hanzi ----------------------------------------------------------------------------------------------------------


def test_hanzi_is_the_same_from_all_sources(load, tmp_path, hanzi_arrays, hanzi_folder):
    np.savez(tmp_path / "hanzi12.npz", **hanzi_arrays)
    with zipfile.ZipFile(tmp_path / "hanzi12-bmp.zip", "w") as archive:
        for file in hanzi_folder.rglob("*.*"):
            archive.write(file, f"as/copied/{file.relative_to(hanzi_folder)}")
    loaded = {
        source: load(set="hanzi", root=str(tmp_path), arguments={"source": source, **path}, split={"valid": 0})
        for source, path in (("npz", {}), ("zip", {}), ("bmp", {"path": "bmp"}))
    }
    for sets in loaded.values():
        assert "".join(sets.classes) == "博学笃志切问近思自由无用"
        for part in ("train", "test"):
            np.testing.assert_array_equal(getattr(sets, part).images, hanzi_arrays[f"{part}_images"])
            np.testing.assert_array_equal(getattr(sets, part).labels, hanzi_arrays[f"{part}_labels"])
    assert list(loaded["bmp"].sources) == ["bmp (61 files)"]
    assert list(loaded["zip"].sources) == ["hanzi12-bmp.zip"]


def test_inverted_hanzi_has_a_black_background(load, tmp_path, hanzi_arrays):
    np.savez(tmp_path / "hanzi12.npz", **hanzi_arrays)
    sets = load(set="hanzi", root=str(tmp_path), arguments={"invert": True}, split={"valid": 0}, dtype="float64")
    np.testing.assert_array_equal(sets.train.inputs[:, 0], 1 - hanzi_arrays["train_images"] / 255)
    np.testing.assert_array_equal(sets.train.images, hanzi_arrays["train_images"])
    scaled = load(
        set="hanzi",
        root=str(tmp_path),
        arguments={"invert": True},
        split={"valid": 0},
        standardize=True,
        dtype="float64",
    )
    assert scaled.train.inputs.mean() == pytest.approx(0, abs=1e-12)
    assert scaled.statistics["inverted"] is True


# -- MedMNIST -------------------------------------------------------------------------------------------------------


@pytest.fixture
def breast(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 20), ("val", 6), ("test", 8)):
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count) % 2).astype(np.uint8)[:, None]
    np.savez(tmp_path / "breastmnist.npz", **arrays)
    return arrays


def test_the_official_split_is_kept_unless_it_is_not_wanted(load, tmp_path, breast):
    root = str(tmp_path)
    official = load(set="breastmnist", root=root)
    np.testing.assert_array_equal(official.valid.images, breast["val_images"])
    assert [len(p) for _, p in official.parts()] == [20, 6, 8]
    assert load(set="breastmnist", root=root, split={"valid": 0}).valid is None
    own = load(set="breastmnist", root=root, arguments={"official": False}, split={"valid": 4})
    assert [len(p) for _, p in own.parts()] == [22, 4, 8]
    both = np.concatenate([breast["train_images"], breast["val_images"]])
    np.testing.assert_array_equal(own.valid.images, both[own.valid.index])


def test_positions_of_an_official_validation_part_are_not_excluded(load, tmp_path, breast):
    sets = load(set="breastmnist", root=str(tmp_path), exclude=[0, 19])
    assert [len(p) for _, p in sets.parts()] == [18, 6, 8]
    with pytest.raises(ArgumentError, match="no sample 20"):
        load(set="breastmnist", root=str(tmp_path), exclude=[20])


# -- folders and archives -------------------------------------------------------------------------------------------


def pictures(count, size=(6, 5, 3), seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (count, *size), dtype=np.uint8))


def test_pictures_in_class_folders(load, tmp_path, write_pictures):
    cats, dogs = pictures(10), pictures(10, seed=1)
    write_pictures(tmp_path / "pets", {"cat": cats, "dog": dogs})
    sets = load(tmp_path, set="folder", arguments={"path": "pets"}, split={"valid": 2})
    assert sets.classes == ["cat", "dog"]
    assert [p.inputs.shape for _, p in sets.parts()] == [(14, 3, 6, 5), (2, 3, 6, 5), (4, 3, 6, 5)]
    every = np.stack(cats + dogs)
    for _, part in sets.parts():
        np.testing.assert_array_equal(part.images, every[part.index])
        np.testing.assert_array_equal(
            part.inputs, np.float32(every[part.index].transpose(0, 3, 1, 2)) / np.float32(255)
        )
    gone = int(sets.test.index[0])
    assert gone not in load(tmp_path, set="folder", arguments={"path": "pets"}, exclude=[gone]).test.index


def test_folders_of_parts_grey_and_of_one_size(load, tmp_path, write_pictures):
    for part in ("train", "test"):
        write_pictures(tmp_path / part, {"10": pictures(3), "2": pictures(3, (9, 9, 3))})
    sets = load(set="folder", arguments={"path": str(tmp_path), "size": [4, 7], "grayscale": True}, split={"valid": 0})
    assert sets.classes == ["2", "10"]
    assert [p.inputs.shape for _, p in sets.parts()] == [(6, 1, 4, 7), (6, 1, 4, 7)]
    with pytest.raises(DataError, match=r"has 6 × 5 pixels, .* has 9 × 9; set data.arguments.size"):
        load(set="folder", arguments={"path": str(tmp_path)})
    (tmp_path / "test" / "2").rename(tmp_path / "test" / "3")
    with pytest.raises(DataError, match=r"has the classes 3, 10; .* has 2, 10"):
        load(set="folder", arguments={"path": str(tmp_path), "size": 4})


def test_one_checksum_for_a_folder_that_sha256sum_gives(load, tmp_path, write_pictures):
    top = write_pictures(tmp_path / "p", {"2": pictures(2), "10": pictures(2, seed=1)})
    sets = load(set="folder", arguments={"path": str(top), "test": 0}, split={"valid": 0})
    lines = "".join(
        f"{hashlib.sha256((top / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("10/1.png", "10/2.png", "2/1.png", "2/2.png")
    )
    assert list(sets.sources.values()) == [hashlib.sha256(lines.encode()).hexdigest()]
    assert sets.test is None


@pytest.mark.parametrize(
    "names",
    [("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels")],
)
def test_archives_of_images(load, tmp_path, names):
    x, y = np.stack(pictures(20)), np.arange(20) % 4
    np.savez(tmp_path / "a.npz", **dict(zip(names, (x, y, x[:8], y[:8]), strict=True)))
    sets = load(tmp_path, set="npz", arguments={"path": "a.npz", "classes": ["n", "e", "s", "w"]}, split={"valid": 0})
    assert (sets.task, sets.classes) == ("classification", ["n", "e", "s", "w"])
    assert [p.inputs.shape for _, p in sets.parts()] == [(20, 3, 6, 5), (8, 3, 6, 5)]
    np.testing.assert_array_equal(sets.test.images, x[:8])


def test_archives_of_numbers(load, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 3)), rng.standard_normal(30)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    sets = load(tmp_path, set="npz", arguments={"path": "a.npz"}, split={"valid": 0}, dtype="float64")
    assert (sets.task, sets.train.targets.shape, len(sets.test)) == ("regression", (24, 1), 6)
    np.testing.assert_array_equal(sets.train.inputs, x[sets.train.index])
    np.testing.assert_array_equal(sets.train.targets[:, 0], y[sets.train.index])


@pytest.mark.parametrize(
    ("arrays", "kind", "says"),
    [
        ({"a": np.zeros(3)}, FileFormatError, "no x_train and y_train, but a"),
        ({"x_train": np.zeros((3, 2))}, FileFormatError, "only one of inputs and labels"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(2)}, DataError, "3 inputs and 2 labels"),
        ({"x": np.zeros((3, 2)), "y": np.array(["a", "b", "c"])}, DataError, "labels are <U1"),
        ({"x": np.zeros((3, 2)), "y": np.array(1.5)}, DataError, r"labels are float64 of shape \(\)"),
        ({"x": np.zeros((3, 2), "c8"), "y": np.zeros(3)}, DataError, "inputs are complex64"),
        ({"x": np.zeros((3, 0)), "y": np.zeros(3)}, DataError, "has no samples"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, DataError, "without samples"),
        ({"x": np.full((9, 2), np.nan), "y": np.zeros(9)}, DataError, "not finite, the first is 0"),
        ({"x": np.zeros((9, 2)), "y": np.full(9, np.inf)}, DataError, "values to learn that are not finite"),
        ({"x": np.zeros((9, 2)), "y": np.arange(9) - 1}, DataError, "label -1 of sample 0"),
        ({"x": np.zeros((9, 2)), "y": np.full(9, 10**12)}, DataError, "the class 1000000000000 for 9 samples"),
        ({"x": np.zeros((20, 2)), "y": 1 + np.arange(20) % 2}, DataError, "class 0 .* has none"),
    ],
)
def test_archives_that_cannot_be_learned_from(load, tmp_path, arrays, kind, says):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(kind, match=says):
        load(tmp_path, set="npz", arguments={"path": "a.npz", "test": 0})
    with pytest.raises(kind):
        load(tmp_path, set="npz", arguments={"path": "a.npz", "test": 0.2})


# -- the real ones --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sizes", "classes"),
    [
        ("mnist", [55000, 5000, 10000], "0 1 2 3 4 5 6 7 8 9"),
        (
            "fashion-mnist",
            [55000, 5000, 10000],
            "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Ankle boot",
        ),
        ("hanzi", [2440, 5000, 1800], "博 学 笃 志 切 问 近 思 自 由 无 用"),
        ("breastmnist", [546, 78, 156], "malignant normal, benign"),
    ],
)
def test_real_sets(load, data_folder, name, sizes, classes):
    sets = load(set=name, root=str(data_folder), split={"valid": 5000})
    assert [len(p) for _, p in sets.parts()] == sizes
    assert " ".join(sets.classes) == classes
    assert all(len(digest) == 64 for digest in sets.sources.values())
    assert not any(name.startswith("/") for name in sets.sources)


def test_real_hanzi_from_its_archive_is_the_npz(load, data_folder):
    pytest.importorskip("PIL")
    npz, packed = (
        load(set="hanzi", root=str(data_folder), arguments={"source": source}, split={"valid": 0})
        for source in ("npz", "zip")
    )
    for (_, one), (_, other) in zip(npz.parts(), packed.parts(), strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
