"""Tones, sharpness and bending: torchvision 0.28's values for tensors, pillow's for PIL images."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, ShapeError, UsageError
from tapegrad.ops.generator import use_generator
from tapegrad.vision import transforms as T
from tapegrad.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image")
ImageOps = pytest.importorskip("PIL.ImageOps")

BYTES = tg.tensor((np.arange(48) * 37 % 256).astype(np.uint8).reshape(3, 4, 4))
BILINEAR = F.InterpolationMode.BILINEAR


def picture(seed=0, mode="RGB"):
    values = np.random.default_rng(seed).integers(20, 230, (17, 23, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


SHIFT = (np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2) / 32) - 0.5
TORCHVISION = {
    "sharpness": (
        lambda img: F.adjust_sharpness(img, 2.0),
        [[0, 37, 74, 111], [148, 244, 255, 3], [40, 38, 114, 151], [188, 225, 6, 43]],
    ),
    "autocontrast": (F.autocontrast, [[0, 41, 83, 125], [167, 209, 251, 3], [45, 87, 129, 171], [213, 255, 6, 48]]),
    "gamma": (
        lambda img: F.adjust_gamma(img, 0.7, 1.1),
        [[0, 72, 118, 157], [192, 224, 255, 12], [77, 121, 160, 195], [227, 255, 20, 80]],
    ),
    "blur": (
        lambda img: F.gaussian_blur(img, [3, 3], [0.8, 1.5]),
        [[109, 128, 127, 102], [87, 106, 120, 111], [136, 137, 114, 92], [115, 110, 96, 92]],
    ),
    "perspective": (
        lambda img: F.perspective(
            img, [[0, 0], [3, 0], [3, 3], [0, 3]], [[1, 0], [3, 1], [2, 3], [0, 2]], BILINEAR, [9.0]
        ),
        [[10, 11, 10, 9], [55, 185, 120, 30], [173, 98, 105, 9], [9, 8, 27, 9]],
    ),
    "elastic": (
        lambda img: F.elastic_transform(img, tg.tensor(SHIFT), BILINEAR, [9.0]),
        [[9, 7, 11, 22], [25, 125, 185, 35], [49, 103, 90, 44], [45, 15, 8, 9]],
    ),
}


@pytest.mark.parametrize(("change", "expected"), TORCHVISION.values(), ids=TORCHVISION)
def test_values_are_torchvisions(change, expected):
    out = change(BYTES)
    assert out.dtype == np.uint8
    assert out[0].tolist() == expected


def test_equalisation_is_torchvisions():
    img = tg.tensor((np.arange(900) ** 2 % 251).astype(np.uint8).reshape(1, 30, 30))
    assert F.equalize(img)[0, 0, :8].tolist() == [0, 1, 6, 13, 22, 37, 48, 62]
    flat = tg.full((1, 5, 5), 7, dtype=tg.uint8)
    assert F.equalize(flat).tolist() == flat.tolist()
    assert F.autocontrast(flat).tolist() == flat.tolist()


def test_pil_images_are_changed_by_pillow():
    img = picture()
    assert F.posterize(img, 3).tobytes() == ImageOps.posterize(img, 3).tobytes()
    assert F.solarize(img, 100).tobytes() == ImageOps.solarize(img, 100).tobytes()
    assert F.equalize(img).tobytes() == ImageOps.equalize(img).tobytes()
    assert F.autocontrast(img).tobytes() == ImageOps.autocontrast(img).tobytes()


def test_pil_images_and_tensors_of_bytes_agree():
    img = picture()
    values = F.pil_to_tensor(img)
    for change in (
        lambda i: F.posterize(i, 2),
        lambda i: F.solarize(i, 99),
        F.equalize,
        lambda i: F.gaussian_blur(i, 5),
        F.invert,
    ):
        assert F.pil_to_tensor(change(img)).tolist() == change(values).tolist()


def test_a_blur_keeps_what_is_flat_and_the_sum_of_a_point():
    np.testing.assert_allclose(F.gaussian_blur(tg.full((1, 6, 6), 0.3), 3).array, 0.3, rtol=1e-6)
    point = tg.zeros(1, 9, 9)
    point[0, 4, 4] = 1.0
    blurred = F.gaussian_blur(point, 5, 1.0).array[0]
    weights = np.exp(-0.5 * np.arange(-2, 3) ** 2.0)
    np.testing.assert_allclose(blurred[2:7, 2:7], np.outer(weights, weights) / weights.sum() ** 2, rtol=1e-5)


def test_wrong_arguments():
    with pytest.raises(UsageError, match="float32"):
        F.posterize(tg.zeros(1, 2, 2), 2)
    with pytest.raises(UsageError, match="threshold is 2"):
        F.solarize(tg.zeros(1, 2, 2), 2)
    with pytest.raises(ArgumentError, match="odd"):
        F.gaussian_blur(BYTES, 4)
    with pytest.raises(ShapeError, match="under a kernel of 9"):
        F.gaussian_blur(BYTES, 9)
    with pytest.raises(ArgumentError, match="gamma is -1"):
        F.adjust_gamma(BYTES, -1)
    with pytest.raises(ArgumentError, match="3 points"):
        F.perspective(BYTES, [[0, 0]] * 3, [[0, 0]] * 4)
    with pytest.raises(ShapeError, match=r"give \(1, 4, 4, 2\)"):
        F.elastic_transform(BYTES, tg.zeros(1, 2, 4, 4))


# -- as objects -----------------------------------------------------------------------------------------------------

PRINTED = {
    "AutoAugment(policy=AutoAugmentPolicy.IMAGENET, fill=None)": T.AutoAugment(),
    "RandAugment(num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)": (
        T.RandAugment()
    ),
    "TrivialAugmentWide(num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)": (
        T.TrivialAugmentWide()
    ),
    "ElasticTransform(alpha=[50.0, 50.0], sigma=[5.0, 5.0], interpolation=InterpolationMode.BILINEAR, fill=[0.0])": (
        T.ElasticTransform()
    ),
    "GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))": T.GaussianBlur(3),
    "RandomPosterize(bits=2,p=0.5)": T.RandomPosterize(2),
    "RandomSolarize(threshold=3,p=0.5)": T.RandomSolarize(3),
    "RandomAdjustSharpness(sharpness_factor=2,p=0.5)": T.RandomAdjustSharpness(2),
    "RandomPerspective(p=0.5)": T.RandomPerspective(),
    "RandomInvert(p=0.5)": T.RandomInvert(),
}


@pytest.mark.parametrize("text", PRINTED)
def test_printing_is_torchvisions(text):
    assert repr(PRINTED[text]) == text


RANDOM = [
    T.AutoAugment(),
    T.AutoAugment(T.AutoAugmentPolicy.CIFAR10, fill=3),
    T.AutoAugment(T.AutoAugmentPolicy.SVHN),
    T.RandAugment(),
    T.TrivialAugmentWide(),
    T.AugMix(),
    T.ElasticTransform(20.0, 1.0),
    T.GaussianBlur(3),
    T.RandomPerspective(p=1.0),
    T.RandomEqualize(),
    T.RandomAutocontrast(),
]


@pytest.mark.parametrize("transform", RANDOM, ids=lambda t: type(t).__name__)
def test_seeds_decide_and_images_keep_their_form(transform):
    for img in (picture(), F.pil_to_tensor(picture())):
        results = []
        for _ in range(2):
            with use_generator(tg.Generator().manual_seed(3)):
                results.append(
                    [
                        np.asarray(F.to_pil_image(o) if isinstance(o, tg.Tensor) else o)
                        for o in map(transform, [img] * 12)
                    ]
                )
        assert all((a == b).all() for a, b in zip(*results, strict=True))
        assert all(a.shape == (17, 23, 3) and a.dtype == np.uint8 for a in results[0])
        assert len({a.tobytes() for a in results[0]}) > 1


def test_policies_have_25_pairs_of_known_operations():
    for policy in T.AutoAugmentPolicy:
        transform = T.AutoAugment(policy)
        space = transform._augmentation_space(10, (20, 30))
        assert len(transform.policies) == 25
        for name, p, strength in (operation for pair in transform.policies for operation in pair):
            assert 0 <= p <= 1
            assert (space[name][0] is None) == (strength is None)
    bits, signed = T.RandAugment()._augmentation_space(31, (20, 30))["Posterize"]
    assert (bits[0], bits[-1], signed) == (8, 4, False)


def test_a_perspective_moves_corners_inwards():
    corners, moved = T.RandomPerspective.get_params(20, 10, 0.5)
    assert corners == [[0, 0], [19, 0], [19, 9], [0, 9]]
    for (x, y), (u, v) in zip(corners, moved, strict=True):
        assert abs(x - u) <= 5
        assert abs(y - v) <= 2
        assert 0 <= u < 20
        assert 0 <= v < 10


# -- the second version ---------------------------------------------------------------------------------------------


def test_mixtures_keep_sums_and_come_from_neighbours():
    images, labels = tg.rand(4, 3, 8, 8), tg.tensor([0, 1, 2, 0])
    mixed, shares = T.v2.MixUp(num_classes=3)(images, labels)
    share = float(shares[0, 0]) if float(shares[0, 0]) < 1 else 1.0
    # The first one's neighbour is the last one, of the same class; the second one's is the first.
    assert share == pytest.approx(1.0)
    share = float(shares[1, 1])
    np.testing.assert_allclose(mixed.array[1], share * images.array[1] + (1 - share) * images.array[0], rtol=1e-4)
    assert float(shares[1, 0]) == pytest.approx(1 - share)
    mixed, shares = T.v2.CutMix(num_classes=3)(images, labels)
    own = (mixed.array[1] == images.array[1]).mean()
    assert own == pytest.approx(float(shares[1, 1]), abs=1e-6)
    assert ((mixed.array[1] == images.array[1]) | (mixed.array[1] == images.array[0])).all()
    with pytest.raises(UsageError, match="give num_classes"):
        T.v2.MixUp()(images, labels)
    with pytest.raises(ShapeError, match="no batch"):
        T.v2.MixUp(num_classes=3)(images[0], labels)


def test_images_become_tensors_of_a_dtype():
    change = T.v2.Compose([T.v2.ToImage(), T.v2.ToDtype(tg.float32, scale=True)])
    np.testing.assert_allclose(change(picture()).array, T.ToTensor()(picture()).array, rtol=1e-6)
    assert T.v2.ToDtype(tg.int64)(BYTES).tolist() == BYTES.tolist()
    assert T.v2.RGB()(tg.ones(1, 2, 2)).shape == (3, 2, 2)
    noisy = T.v2.GaussianNoise(sigma=0.5)(tg.full((1, 50, 50), 0.5)).array
    assert noisy.min() == 0
    assert noisy.max() == 1
    assert T.v2.RandomZoomOut(p=1.0, side_range=(2.0, 2.0))(BYTES).shape == (3, 8, 8)
    assert T.v2.ScaleJitter((8, 8), (0.5, 0.5))(BYTES).shape == (3, 4, 4)
