"""Confusion matrices and sheets of images."""

import numpy as np
import pytest

from tapegrad.errors import DataError, ShapeError
from tapegrad.lab.pictures import confusion_matrix, draw_confusion, draw_mistakes, draw_samples


def counts(axes):
    return {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in axes.texts}


def test_rows_are_true_classes_and_columns_predictions(seen, tmp_path):
    matrix = confusion_matrix(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]), 3)
    assert matrix.tolist() == [[1, 2, 0], [0, 1, 0], [0, 0, 0]]
    draw_confusion(matrix, ["a", "b", "c"], tmp_path / "a.png")
    axes = seen.axes[0]
    assert counts(axes) == {(0, 0): "1", (0, 1): "2", (1, 1): "1"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert axes.get_title() == "accuracy 0.5000 (4 samples)"
    np.testing.assert_allclose(axes.images[0].get_array(), [[1 / 3, 2 / 3, 0], [0, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize("classes", [1, 12, 27])
def test_matrices_of_every_size(seen, tmp_path, classes, rng):
    matrix = rng.integers(0, 9999, (classes, classes))
    draw_confusion(matrix, [f"class number {i}" for i in range(classes)], tmp_path / "a.png")
    assert len(seen.axes[0].texts) == (classes**2 if classes <= 26 else 0)


def test_an_empty_matrix_of_counts(seen, tmp_path):
    draw_confusion(np.zeros((2, 2), int), ["a", "b"], tmp_path / "a.png")


def test_labels_that_are_no_classes_are_refused():
    with pytest.raises(DataError, match="label 3 is no class"):
        confusion_matrix(np.array([3]), np.array([0]), 2)
    with pytest.raises(DataError, match="prediction -1 is no class"):
        confusion_matrix(np.array([0]), np.array([-1]), 2)
    with pytest.raises(ShapeError, match=r"labels \(2,\), predictions \(1,\)"):
        confusion_matrix(np.array([0, 1]), np.array([0]), 2)


def test_a_matrix_needs_a_row_for_each_class(tmp_path):
    with pytest.raises(ShapeError, match="for 3 classes"):
        draw_confusion(np.eye(2), ["a", "b", "c"], tmp_path / "a.png")


# -- samples --------------------------------------------------------------------------------------------------------


def shown(seen):
    return [(axes.get_title(), axes.get_xlabel()) for axes in seen.axes if axes.images]


def test_each_image_has_the_name_of_its_class(seen, tmp_path, rng):
    images = rng.integers(0, 256, (7, 8, 8), dtype=np.uint8)
    labels = np.array([0, 1, 2, 0, 1, 2, 0])
    draw_samples(images, labels, ["cat", "dog", "cow"], tmp_path / "a.png", rows=2, columns=3, captions=list("abcdef"))
    assert shown(seen) == list(zip(["cat", "dog", "cow"] * 2, "abcdef", strict=True))
    np.testing.assert_allclose(seen.axes[4].images[0].get_array(), images[4] / 255)


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [
        ((3, 8, 6), (8, 6)),
        ((3, 1, 8, 6), (8, 6)),
        ((3, 8, 6, 1), (8, 6)),
        ((3, 3, 8, 6), (8, 6, 3)),
        ((3, 8, 6, 3), (8, 6, 3)),
    ],
)
def test_images_of_every_form(seen, tmp_path, rng, shape, drawn):
    draw_samples(rng.normal(size=shape), None, None, tmp_path / "a.png")
    images = [axes.images[0].get_array() for axes in seen.axes]
    assert [image.shape for image in images] == [drawn] * 3
    assert min(image.min() for image in images) == 0
    assert max(image.max() for image in images) == 1


def test_one_image_no_image_and_values_that_are_not_finite(seen, tmp_path):
    draw_samples(np.full((1, 4, 4), np.nan), np.array([0]), None, tmp_path / "a.png")
    assert shown(seen) == [("0", "")]
    draw_samples(np.zeros((0, 4, 4)), None, None, tmp_path / "b.png")
    assert "no data" in seen.texts


def test_arrays_that_are_no_images_are_refused(tmp_path):
    with pytest.raises(ShapeError, match=r"images have shape \(4, 784\)"):
        draw_samples(np.zeros((4, 784)), None, None, tmp_path / "a.png")


def test_twelve_chinese_classes(seen, chinese, tmp_path, rng):
    names = list("博学笃志切问近思自由无用")
    draw_samples(rng.random((12, 8, 8)), np.arange(12), names, tmp_path / "a.png", title="样本", lang="zh")
    assert [title for title, _ in shown(seen)] == names


# -- mistakes -------------------------------------------------------------------------------------------------------


def test_mistakes_come_surest_first_with_both_names(seen, tmp_path):
    labels = np.array([0, 1, 1, 0])
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.99997, 0.00003], [0.0, 1.0]])
    draw_mistakes(np.zeros((4, 8, 8)), labels, probabilities, ["cat", "dog"], tmp_path / "a.png")
    assert [title for title, _ in shown(seen)] == [
        "predicted dog (100.0 %)\ntrue cat",
        "predicted cat (>99.9 %)\ntrue dog",
        "predicted cat (60.0 %)\ntrue dog",
    ]


def test_of_many_mistakes_the_number_is_told(seen, tmp_path):
    probabilities = np.tile([[0.3, 0.7]], (30, 1))
    draw_mistakes(np.zeros((30, 8, 8)), np.zeros(30, int), probabilities, ["a", "b"], tmp_path / "a.png", columns=4)
    assert len(shown(seen)) == 20
    assert "the 20 most confident of 30 mistakes" in seen.texts


def test_no_mistakes_at_all(seen, tmp_path):
    draw_mistakes(np.zeros((1, 8, 8)), np.array([0]), np.array([[1.0, 0.0]]), ["a", "b"], tmp_path / "a.png")
    assert "no mistakes" in seen.texts


def test_probabilities_that_are_not_finite(seen, tmp_path):
    draw_mistakes(np.zeros((1, 8, 8)), np.array([1]), np.full((1, 2), np.nan), ["a", "b"], tmp_path / "a.png")
    assert len(shown(seen)) == 1
