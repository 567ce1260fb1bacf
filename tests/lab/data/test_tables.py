"""CSV files as people have them."""

import numpy as np
import pytest

from tapegrad.errors import ArgumentError, DataError, FileFormatError


@pytest.fixture
def table(load, tmp_path):
    """Load the text of a CSV file, all of it for training unless asked otherwise."""

    def table(text, encoding="utf-8", **arguments):
        (tmp_path / "t.csv").write_bytes(text.encode(encoding))
        arguments = {"path": "t.csv", "test": 0, **arguments}
        return load(tmp_path, set="csv", arguments=arguments, split={"valid": 0}, dtype="float64")

    return table


FLOWERS = "1.5,2,red\n3,4,blue\n5,6,red\n"


def test_words_are_classes_in_the_order_of_their_names(table):
    sets = table(FLOWERS)
    assert (sets.task, sets.classes) == ("classification", ["blue", "red"])
    np.testing.assert_array_equal(sets.train.inputs, [[1.5, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(sets.train.targets, [1, 0, 1])


@pytest.mark.parametrize(
    "text", ["a,b,c\n1,2,0.5\n3,4,1.5\n", "a;b;c\r\n1;2;0.5\r\n3;4;1.5\r\n", "\ufeffa\tb\tc\n1\t2\t.5\n3\t4\t1.5"]
)
def test_header_delimiter_and_marks_are_found(table, text):
    sets = table(text)
    assert (sets.task, sets.statistics["columns"], sets.statistics["target"]) == ("regression", ["a", "b"], "c")
    np.testing.assert_array_equal(sets.train.targets, [[0.5], [1.5]])


def test_the_target_by_name_or_number(table):
    text = "a,b,c\n1,2,0.5\n3,4,1.5\n"
    for target in ("a", 0, -3):
        sets = table(text, target=target, task="regression")
        np.testing.assert_array_equal(sets.train.targets, [[1], [3]])
        np.testing.assert_array_equal(sets.train.inputs, [[2, 0.5], [4, 1.5]])
    np.testing.assert_array_equal(table(text, drop=["b"]).train.inputs, [[1], [3]])


def test_the_task_is_guessed_or_given(table):
    text = "".join(f"{i},{i % 3 + 5}\n" for i in range(30))
    classes = table(text)
    assert (classes.task, classes.classes) == ("classification", ["5", "6", "7"])
    values = table(text, task="regression")
    assert (values.task, values.train.targets[:2].tolist()) == ("regression", [[5.0], [6.0]])
    assert table("".join(f"0,{i}\n" for i in range(30))).task == "regression"


def test_one_and_one_point_nought_are_one_class(table):
    assert table("5,1\n6,1.0\n7,2\n").classes == ["1", "2"]


def test_words_become_columns(table):
    sets = table("F,0.5,a\nM,1.5,b\nF,2.5,a\n")
    assert sets.statistics["columns"] == ["0=F", "0=M", "1"]
    np.testing.assert_array_equal(sets.train.inputs, [[1, 0, 0.5], [0, 1, 1.5], [1, 0, 2.5]])


def test_missing_values(table):
    text = "1,2,a\n?,4,b\n3,,a\n5,6,b\n"
    with pytest.raises(
        DataError, match=r"2 of 4 rows lack a value, the first is row 1 \(0\); set .*missing to drop or mean"
    ):
        table(text)
    dropped = table(text, missing="drop")
    assert dropped.train.index.tolist() == [0, 3]
    filled = table(text, missing="mean")
    np.testing.assert_array_equal(filled.train.inputs, [[1, 2], [3, 4], [3, 4], [5, 6]])
    with pytest.raises(DataError, match=r"row 1 \(the target\)"):
        table("1,0.5\n2,\n", missing="mean", task="regression")


def test_the_mean_is_the_training_parts(load, tmp_path):
    rows = [f"{'' if i % 7 == 0 else i},{i % 2}\n" for i in range(60)]
    (tmp_path / "t.csv").write_text("".join(rows))
    sets = load(
        tmp_path,
        set="csv",
        arguments={"path": "t.csv", "missing": "mean"},
        split={"valid": 6},
        dtype="float64",
        standardize=True,
    )
    known = [i for i in sets.train.index if i % 7]
    assert sets.statistics["filled"] == pytest.approx([np.mean(known)])
    gap = next(k for k, i in enumerate(sets.test.index) if i % 7 == 0)
    assert sets.test.inputs[gap, 0] == pytest.approx(0, abs=1e-12)


def test_rows_are_kept_for_testing_in_proportion(load, tmp_path):
    (tmp_path / "t.csv").write_text("".join(f"{i},{'ab'[i % 2]}\n" for i in range(100)))
    parts = [load(tmp_path, seed=seed, set="csv", arguments={"path": "t.csv"}, split={"valid": 10}) for seed in (0, 1)]
    assert [len(p) for _, p in parts[0].parts()] == [70, 10, 20]
    assert np.bincount(parts[0].test.labels).tolist() == [10, 10]
    np.testing.assert_array_equal(parts[0].test.index, parts[1].test.index)
    assert (parts[0].valid.index != parts[1].valid.index).any()
    for _, part in parts[0].parts():
        np.testing.assert_array_equal(part.inputs[:, 0], part.index)


def test_a_constant_column_is_only_shifted(load, tmp_path):
    (tmp_path / "t.csv").write_text("7,1,a\n7,2,b\n7,3,a\n")
    sets = load(tmp_path, set="csv", arguments={"path": "t.csv", "test": 0}, split={"valid": 0}, standardize=True)
    np.testing.assert_array_equal(sets.train.inputs[:, 0], [0, 0, 0])
    assert sets.statistics["std"][0] == 1


@pytest.mark.parametrize(
    ("text", "arguments", "kind", "says"),
    [
        ("1,2\n3,4,5\n", {}, FileFormatError, r"t\.csv:2: has 3 columns, the first line has 2"),
        ("", {}, DataError, "has no rows"),
        ("a,b\n", {"header": True}, DataError, "has no rows"),
        ("1\n2\n", {}, DataError, "no columns to learn from"),
        (FLOWERS, {"target": 7}, ArgumentError, "no column 7; use -3 to 2"),
        ("up,down\n1,2\n", {"target": "dwn"}, ArgumentError, "did you mean 'down'"),
        (FLOWERS, {"task": "regression"}, DataError, "'red' in row 0 of the target is no number"),
        (FLOWERS, {"task": "clasification"}, ArgumentError, "did you mean 'classification'"),
        (FLOWERS, {"missing": "men"}, ArgumentError, "did you mean 'mean'"),
        (FLOWERS, {"delimiter": "x"}, ArgumentError, "use one of"),
        ('1,"2\n', {}, FileFormatError, r"t\.csv:1: is no CSV"),
        ("inf,a\n1,b\n", {}, DataError, "not finite"),
        ("".join(f"word{i},0.5\n" for i in range(200)), {}, DataError, "200 different words, such as 'word0' in row 0"),
    ],
)
def test_tables_that_cannot_be_learned_from(table, text, arguments, kind, says):
    with pytest.raises(kind, match=says):
        table(text, **arguments)


def test_lines_end_where_csv_says(table):
    sets = table('1,"a\u2028b\nc"\r\n2,d\x85e\r3,f\n')
    assert sets.classes == ["a\u2028b\nc", "d\x85e", "f"]


def test_other_encodings_are_refused(table):
    with pytest.raises(FileFormatError, match="byte 0 is not UTF-8"):
        table("é,1\n", encoding="latin-1")


@pytest.mark.parametrize(
    ("name", "arguments", "task", "shape"),
    [
        ("iris", {}, "classification", (150, 4)),
        ("wine", {}, "classification", (178, 13)),
        ("banknote_authentication", {}, "classification", (1372, 4)),
        ("winequality-red", {"task": "regression"}, "regression", (1599, 11)),
        ("abalone", {}, "regression", (4177, 10)),
        ("california_housing", {"target": "median_house_value", "missing": "drop"}, "regression", (20433, 13)),
    ],
)
def test_real_tables(load, data_folder, name, arguments, task, shape):
    arguments = {"path": f"tabular/{name}.csv", "test": 0, **arguments}
    sets = load(set="csv", root=str(data_folder), arguments=arguments, split={"valid": 0}, standardize=True)
    assert (sets.task, sets.train.inputs.shape) == (task, shape)
    assert list(sets.sources) == [f"tabular/{name}.csv"]
