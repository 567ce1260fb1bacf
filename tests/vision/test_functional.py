"""The functions on images: by hand, against PIL, and against PyTorch's interpolation and grids."""

import math
import re

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, DTypeError, GradError, ShapeError, UsageError
from tapegrad.vision.transforms import InterpolationMode
from tapegrad.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image")


def image(*shape, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def floats(*shape, seed=0):
    return tg.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


def as_tensor_and_image(values):
    """The same grey picture in both forms."""
    pixels = np.array(values, dtype=np.uint8)
    return tg.from_numpy(pixels[None]), Image.fromarray(pixels)


def pixels(img):
    return img.array[0].tolist() if isinstance(img, tg.Tensor) else np.asarray(img).tolist()


# -- conversion -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "dtype", "top"),
    [("L", np.float32, 1), ("RGB", np.float32, 1), ("1", np.float32, 1), ("I", np.int32, 200), ("F", np.float32, 200)]
    + [("I;16", np.int16, 200), ("RGBA", np.float32, 1), ("P", np.float32, 1)],
)
def test_images_become_tensors_channels_first(mode, dtype, top):
    grey = Image.fromarray(np.full((2, 3), 200, np.uint8))
    tensor = F.to_tensor(grey.point(lambda v: 255).convert(mode) if top == 1 else grey.convert(mode))
    assert tensor.shape == (len(Image.new(mode, (1, 1)).getbands()), 2, 3)
    assert tensor.dtype == dtype
    if mode != "P":
        assert (tensor.array == top).all()


def test_bytes_become_floats_by_division():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = values.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(F.to_tensor(values).array[0], expected)
    np.testing.assert_array_equal(F.to_tensor(Image.fromarray(values)).array[0], expected)


def test_arrays_of_other_numbers_keep_them():
    tensor = F.to_tensor(np.arange(6).reshape(1, 2, 3))
    assert tensor.dtype == np.int64
    assert tensor.tolist() == [[[0, 3]], [[1, 4]], [[2, 5]]]


def test_a_tensor_has_memory_of_its_own():
    array = np.zeros((2, 2), np.float32)
    F.to_tensor(array).array[:] = 1
    assert array.sum() == 0


def test_pil_to_tensor_keeps_the_values():
    tensor = F.pil_to_tensor(Image.fromarray(np.array([[1, 200]], np.uint8)))
    assert tensor.dtype == np.uint8
    assert tensor.tolist() == [[[1, 200]]]


def test_what_is_no_image_is_refused():
    with pytest.raises(UsageError, match="to_tensor: pic is a Tensor; give a PIL image or an array"):
        F.to_tensor(tg.zeros(1, 2, 2))
    with pytest.raises(ShapeError, match=r"pic has shape \(1, 1, 1, 1\)"):
        F.to_tensor(np.zeros((1, 1, 1, 1)))
    with pytest.raises(UsageError, match="give a PIL image"):
        F.pil_to_tensor(np.zeros((1, 1)))
    with pytest.raises(UsageError, match=r"hflip: img is a ndarray; give a PIL image or a tensor \(ToTensor\(\)"):
        F.hflip(np.zeros((1, 1)))
    with pytest.raises(ShapeError, match=r"give \(channels, height, width\)"):
        F.hflip(tg.zeros(3))
    with pytest.raises(GradError, match=r"use img\.detach\(\)"):
        F.vflip(tg.zeros(1, 2, 2, requires_grad=True))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_and_back(channels):
    original = np.random.default_rng(0).integers(0, 256, (4, 5, channels), dtype=np.uint8)
    back = F.to_pil_image(F.to_tensor(original))
    assert back.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    np.testing.assert_array_equal(np.asarray(back).reshape(original.shape), original)
    np.testing.assert_array_equal(np.asarray(F.to_pil_image(original)).reshape(original.shape), original)


@pytest.mark.parametrize(("dtype", "mode"), [(np.uint8, "L"), (np.int16, "I;16"), (np.int32, "I")])
def test_one_channel_has_a_mode_by_dtype(dtype, mode):
    assert F.to_pil_image(np.ones((2, 3), dtype)).mode == mode


def test_modes_that_were_named():
    assert F.to_pil_image(np.ones((2, 3), np.float32), "F").mode == "F"
    assert F.to_pil_image(np.ones((2, 3, 3), np.uint8), "HSV").mode == "HSV"
    assert F.to_pil_image(np.ones((2, 3, 4), np.uint8), "CMYK").getpixel((0, 0)) == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("pic", "mode", "kind", "message"),
    [
        (np.zeros((2, 2, 5), np.uint8), None, ShapeError, "give an image of 1 to 4 channels"),
        (np.zeros((2, 2, 3), np.int32), None, DTypeError, "no mode holds 3 channels of int32"),
        (np.zeros((2, 2), np.int64), None, DTypeError, "no mode holds 1 channels of int64"),
        (
            np.zeros((2, 2, 3), np.uint8),
            "L",
            ArgumentError,
            "mode is 'L' for 3 channels of uint8; use RGB or YCbCr or HSV",
        ),
        ("picture", None, UsageError, "pic is a str"),
    ],
)
def test_what_no_mode_holds_is_refused(pic, mode, kind, message):
    with pytest.raises(kind, match=message):
        F.to_pil_image(pic, mode)


def test_values_outside_of_zero_to_one_are_cut_off_in_images():
    assert pixels(F.to_pil_image(tg.tensor([[-1.0, 0.5, 2.0, float("nan")]]))) == [[0, 127, 255, 0]]


@pytest.mark.parametrize(
    ("values", "source", "target", "expected"),
    [
        ([0, 255], "uint8", "float32", [0.0, 1.0]),
        ([0.0, 0.5, 1.0], "float32", "uint8", [0, 127, 255]),
        ([0, 128, 255], "uint8", "int16", [0, 16384, 32640]),
        ([0, 16384, 32767], "int16", "uint8", [0, 128, 255]),
        ([0.25], "float32", "float64", [0.25]),
        ([0, 1], "uint8", "uint8", [0, 1]),
    ],
)
def test_dtypes_scale_the_values(values, source, target, expected):
    out = F.convert_image_dtype(tg.tensor(values, dtype=source), target)
    assert out.dtype == np.dtype(target)
    assert out.tolist() == expected


def test_a_dtype_too_fine_for_floats_is_refused():
    with pytest.raises(DTypeError, match="float32 cannot hold the values of int32"):
        F.convert_image_dtype(tg.zeros(1), "int32")


def test_normalizing():
    x = floats(4, 3, 2, 2)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    out = F.normalize(x, mean, std)
    assert out.dtype == np.float32
    for c in range(3):
        np.testing.assert_allclose(out.array[:, c], (x.array[:, c] - mean[c]) / std[c], rtol=1e-6)
    again = F.normalize(x, mean, std, inplace=True)
    assert again is x
    np.testing.assert_array_equal(x.array, out.array)


def test_normalizing_has_a_gradient():
    x = tg.ones(1, 1, 2, requires_grad=True)
    F.normalize(x, [0.5], [0.25]).sum().backward()
    assert x.grad.tolist() == [[[4.0, 4.0]]]


@pytest.mark.parametrize(
    ("x", "mean", "std", "kind", "message"),
    [
        (
            tg.zeros(1, 2, 2).to(tg.uint8),
            [0],
            [1],
            UsageError,
            r"tensor is a tensor of uint8; put ToTensor\(\) before it",
        ),
        (np.zeros((1, 2, 2)), [0], [1], UsageError, "tensor is a ndarray"),
        (tg.zeros(3, 2, 2), [0, 0], [1, 1], ShapeError, r"shape \(3, 2, 2\), mean and std have 2 and 2 values"),
        (tg.zeros(2, 2), [0], [1], ShapeError, "one value per channel"),
        (tg.zeros(1, 2, 2), [0], [0.0], ArgumentError, r"std is \[0\.0\]; use values above 0"),
    ],
)
def test_normalizing_what_cannot_be(x, mean, std, kind, message):
    with pytest.raises(kind, match=message):
        F.normalize(x, mean, std)


# -- cutting and adding ---------------------------------------------------------------------------------------------


def test_flips():
    for img in as_tensor_and_image([[1, 2], [3, 4]]):
        assert pixels(F.hflip(img)) == [[2, 1], [4, 3]]
        assert pixels(F.vflip(img)) == [[3, 4], [1, 2]]


@pytest.mark.parametrize("box", [(0, 1, 2, 1), (-1, -1, 3, 3), (1, 1, 3, 4), (5, 5, 2, 2), (-5, 0, 2, 2)])
def test_a_crop_is_pils(box):
    tensor, img = as_tensor_and_image([[1, 2, 3], [4, 5, 6]])
    top, left, height, width = box
    expected = np.asarray(img.crop((left, top, left + width, top + height))).tolist()
    assert pixels(F.crop(tensor, *box)) == expected
    assert pixels(F.crop(img, *box)) == expected


def test_the_middle():
    for img in as_tensor_and_image(np.arange(20).reshape(4, 5)):
        assert pixels(F.center_crop(img, 2)) == [[7, 8], [12, 13]]
        assert pixels(F.center_crop(img, (1, 3))) == [[11, 12, 13]]
        assert np.array(pixels(F.center_crop(img, (6, 5)))).sum() == sum(range(20))
        assert pixels(F.center_crop(img, (4, 8)))[0] == [0, 0, 1, 2, 3, 4, 0, 0]
    tensor, img = as_tensor_and_image([[7]])
    assert pixels(F.center_crop(tensor, (2, 3))) == pixels(F.center_crop(img, (2, 3))) == [[0, 7, 0], [0, 0, 0]]


def test_five_and_ten_crops():
    for img in as_tensor_and_image([[1, 2, 3], [4, 5, 6], [7, 8, 9]]):
        assert [pixels(c)[0][0] for c in F.five_crop(img, 1)] == [1, 3, 7, 9, 5]
        assert [pixels(c)[0][0] for c in F.ten_crop(img, 1)] == [1, 3, 7, 9, 5, 3, 1, 9, 7, 5]
        assert [pixels(c)[0][0] for c in F.ten_crop(img, 1, vertical_flip=True)][5:] == [7, 9, 1, 3, 5]
        with pytest.raises(ArgumentError, match=r"size is \(4, 4\), the image has \(3, 3\)"):
            F.five_crop(img, 4)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize(
    ("padding", "sides"), [(1, (1, 1, 1, 1)), ((2, 1), (2, 1, 2, 1)), ((0, 1, 2, 0), (0, 1, 2, 0))]
)
def test_borders_are_numpys(mode, padding, sides):
    left, top, right, bottom = sides
    values = np.arange(9, dtype=np.uint8).reshape(3, 3)
    fill = {"constant_values": 7} if mode == "constant" else {}
    expected = np.pad(values, [(top, bottom), (left, right)], mode=mode, **fill).tolist()
    for img in as_tensor_and_image(values):
        assert pixels(F.pad(img, padding, 7, mode)) == expected


def test_borders_of_colour_and_palette():
    assert F.pad(Image.new("RGB", (1, 1)), 1, (1, 2, 3)).getpixel((0, 0)) == (1, 2, 3)
    assert F.pad(tg.zeros(3, 1, 1), 1, (1, 2, 3)).array[:, 0, 0].tolist() == [1, 2, 3]
    palette = image(4, 4).convert("RGB").quantize(4)
    assert F.pad(palette, 1, padding_mode="edge").getpalette() == palette.getpalette()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"padding": -1}, "padding is -1; use one, two or four numbers"),
        ({"padding": (1, 2, 3)}, r"padding is \(1, 2, 3\)"),
        ({"padding": 1.5}, r"padding is 1\.5"),
        ({"padding": 1, "padding_mode": "wrap"}, "padding_mode is 'wrap'; use constant, edge, reflect, symmetric"),
        (
            {"padding": 2, "padding_mode": "reflect"},
            r"padding is 2 for an image of \(2, 2\); use less, or another mode",
        ),
    ],
)
def test_borders_that_cannot_be_are_refused(arguments, message):
    for img in as_tensor_and_image([[1, 2], [3, 4]]):
        with pytest.raises(ArgumentError, match=message):
            F.pad(img, **arguments)


# -- resizing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 4), (20, 31), (9, 6), (1, 1), (7, 13)])
def test_resizing_tensors_is_pytorchs(size, mode, antialias):
    torch = pytest.importorskip("torch")
    x = floats(2, 3, 7, 13)
    ours = F.resize(x, size, InterpolationMode(mode), antialias=antialias)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(x.array), size, mode=mode, antialias=antialias, align_corners=False
    )
    np.testing.assert_allclose(ours.array, theirs.numpy(), atol=3e-6)
    assert ours.dtype == np.float32


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize("size", [(3, 4), (20, 31), (14, 26), (1, 1)])
def test_the_nearest_pixel_is_pytorchs(size, mode):
    torch = pytest.importorskip("torch")
    x = floats(1, 1, 7, 13)
    theirs = torch.nn.functional.interpolate(torch.from_numpy(x.array), size, mode=mode)
    np.testing.assert_array_equal(F.resize(x, size, InterpolationMode(mode)).array, theirs.numpy())


@pytest.mark.parametrize("size", [(3, 4), (20, 31)])
def test_bytes_resized_are_pils_within_one(size):
    img = image(7, 13)
    ours = F.resize(F.pil_to_tensor(img), size)
    assert ours.dtype == np.uint8
    difference = ours.array[0].astype(int) - np.asarray(img.resize(size[::-1], Image.Resampling.BILINEAR))
    assert abs(difference).max() <= 1


def test_resizing_images_is_pils():
    img = image(7, 13, 3)
    assert F.resize(img, (3, 4)).tobytes() == img.resize((4, 3), Image.Resampling.BILINEAR).tobytes()
    lanczos = F.resize(img, (3, 4), InterpolationMode.LANCZOS)
    assert lanczos.tobytes() == img.resize((4, 3), Image.Resampling.LANCZOS).tobytes()
    assert F.resize(img, (3, 4), 0).tobytes() == img.resize((4, 3), Image.Resampling.NEAREST).tobytes()


@pytest.mark.parametrize(
    ("shape", "size", "max_size", "expected"),
    [
        ((10, 20), 5, None, (5, 10)),
        ((20, 10), 5, None, (10, 5)),
        ((10, 15), [5], None, (5, 7)),
        ((10, 40), 5, 12, (3, 12)),
        ((40, 10), 5, 12, (12, 3)),
        ((10, 20), (5, 6), None, (5, 6)),
        ((10, 10), 10, None, (10, 10)),
    ],
)
def test_one_number_is_the_shorter_edge(shape, size, max_size, expected):
    assert F.resize(floats(1, *shape), size, max_size=max_size).shape == (1, *expected)
    assert F.resize(image(*shape), size, max_size=max_size).size == expected[::-1]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"size": 0}, ArgumentError, r"size is 0; use a positive number, or \(height, width\)"),
        ({"size": (1, 2, 3)}, ArgumentError, r"size is \(1, 2, 3\)"),
        ({"size": 5, "max_size": 5}, ArgumentError, "max_size is 5, not above size 5"),
        ({"size": (5, 5), "max_size": 9}, ArgumentError, "give max_size with one number"),
        ({"size": 5, "interpolation": "bilinear"}, UsageError, "interpolation is 'bilinear'; use one of"),
        ({"size": 5, "interpolation": InterpolationMode.LANCZOS}, UsageError, "tensors cannot be resized with lanczos"),
    ],
)
def test_sizes_that_cannot_be_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        F.resize(floats(1, 4, 6), **arguments)


def test_a_resized_crop():
    x = floats(1, 6, 6)
    np.testing.assert_array_equal(
        F.resized_crop(x, 1, 2, 3, 3, (2, 2)).array, F.resize(F.crop(x, 1, 2, 3, 3), (2, 2)).array
    )


# -- rotating and shearing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 4), (5, 5), (5, 3), (4, 7)])
def test_right_angles_are_exact(shape):
    values = np.arange(math.prod(shape)).reshape(shape)
    for img in as_tensor_and_image(values):
        assert pixels(F.rotate(img, 180)) == values[::-1, ::-1].tolist()
        assert pixels(F.rotate(img, 0)) == values.tolist()
        if (shape[0] - shape[1]) % 2 == 0:
            assert pixels(F.rotate(img, 90, expand=True)) == np.rot90(values).tolist()
            assert pixels(F.rotate(img, -90, expand=True)) == np.rot90(values, -1).tolist()


def test_places_half_way_between_pixels_go_one_way():
    """The middle of a 5 × 4 image turned by 90 degrees falls between pixels: no column may be taken twice."""
    turned = F.rotate(tg.arange(20).reshape(1, 5, 4), 90).array[0]
    inner = [v for v in turned.ravel() if v != 0]
    assert len(inner) == len(set(inner))


def reference_affine(x, matrix, mode):
    """PyTorch's sampling at the places that a (2, 3) matrix in pixels names."""
    torch = pytest.importorskip("torch")
    height, width = x.shape[-2:]
    ys, xs = np.mgrid[:height, :width] + 0.5
    places = np.stack([xs, ys, np.ones_like(xs)], -1) @ matrix.T
    grid = 2 * places / [width, height] - 1
    grid = torch.from_numpy(grid[None].astype(np.float32))
    return torch.nn.functional.grid_sample(torch.from_numpy(x.array)[None], grid, mode, "zeros", align_corners=False)[
        0
    ].numpy()


def matrix_of(angle, translate, scale, shear, centre):
    """The forward map, built by moving points, inverted."""

    def move(p):
        x, y = p[0] - centre[0], p[1] - centre[1]
        x, y = x - math.tan(math.radians(shear[0])) * y, y
        x, y = x, y - math.tan(math.radians(shear[1])) * x
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        x, y = scale * (c * x - s * y), scale * (s * x + c * y)
        return [x + centre[0] + translate[0], y + centre[1] + translate[1]]

    origin, right, down = move((0, 0)), move((1, 0)), move((0, 1))
    forward = np.array([np.subtract(right, origin), np.subtract(down, origin), origin]).T
    return np.linalg.inv(np.vstack([forward, [0, 0, 1]]))[:2]


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize(
    ("angle", "translate", "scale", "shear", "centre"),
    [
        (20, (0, 0), 1.0, (0, 0), None),
        (0, (2, -1), 1.0, (0, 0), None),
        (0, (0, 0), 0.7, (0, 0), None),
        (0, (0, 0), 1.0, (15, 0), None),
        (0, (0, 0), 1.0, (0, -12), None),
        (33, (1, 2), 1.3, (5, 8), (2.0, 7.5)),
    ],
)
def test_affine_maps_of_tensors_are_pytorchs_sampling(angle, translate, scale, shear, centre, mode):
    x = floats(2, 9, 11)
    expected = reference_affine(x, matrix_of(angle, translate, scale, shear, centre or (5.5, 4.5)), mode)
    ours = F.affine(x, angle, translate, scale, shear, InterpolationMode(mode), center=centre)
    np.testing.assert_allclose(ours.array, expected, atol=2e-5)


@pytest.mark.parametrize(
    "parameters", [(25, (1, -2), 0.8, (10, 5)), (0, (3, 0), 1.0, 0.0), (-60, (0, 0), 1.2, (0, 20))]
)
def test_images_and_tensors_move_alike(parameters):
    img = image(15, 12)
    as_image = np.asarray(F.affine(img, *parameters, InterpolationMode.BILINEAR)).astype(int)
    as_tensor = F.affine(F.pil_to_tensor(img), *parameters, InterpolationMode.BILINEAR).array[0].astype(int)
    # PIL leaves pixels at the edge empty where it lacks a neighbour; inside the two agree.
    agree = np.abs(as_image - as_tensor) <= 1
    assert agree.mean() > 0.8
    np.testing.assert_array_less(np.abs(as_image - as_tensor)[5:10, 4:8], 2)


def test_rotation_of_images_is_pils_and_agrees_in_sense():
    img = image(12, 12)
    assert (
        F.rotate(img, 30, InterpolationMode.BILINEAR).tobytes() == img.rotate(30, Image.Resampling.BILINEAR).tobytes()
    )
    turned = F.rotate(F.pil_to_tensor(img), 30, InterpolationMode.BILINEAR).array[0].astype(int)
    difference = np.abs(turned - np.asarray(F.rotate(img, 30, InterpolationMode.BILINEAR)).astype(int))
    assert difference[3:9, 3:9].max() <= 1
    assert F.rotate(img, 30, expand=True).size[0] > 12
    assert F.rotate(F.pil_to_tensor(img), 30, expand=True).shape[1] > 12


def test_what_lies_outside_is_filled():
    for img in as_tensor_and_image(np.full((5, 5), 100)):
        moved = np.array(pixels(F.affine(img, 0, (3, 0), 1.0, 0, fill=9)))
        assert (moved[:, :3] == 9).all()
        assert (moved[:, 3:] == 100).all()
        assert np.array(pixels(F.rotate(img, 45, fill=7)))[0, 0] == 7
    coloured = F.affine(tg.zeros(3, 2, 2), 0, (2, 0), 1.0, 0, fill=[1, 2, 3])
    assert coloured.array[:, 0, 0].tolist() == [1, 2, 3]
    assert F.rotate(Image.new("RGB", (5, 5)), 45, fill=(1, 2, 3)).getpixel((0, 0)) == (1, 2, 3)
    with pytest.raises(ArgumentError, match="for an image of 3 bands; give one value per band"):
        F.rotate(Image.new("RGB", (5, 5)), 45, fill=(1, 2))


def test_half_a_pixel_outside_is_mixed_with_the_fill():
    edge = F.affine(tg.ones(1, 1, 4), 0, (0.5, 0), 1.0, 0, InterpolationMode.BILINEAR, fill=0.2)
    np.testing.assert_allclose(edge.array[0, 0], [0.35, 1, 1, 1], rtol=1e-6)


def test_maps_that_cannot_be_are_refused():
    with pytest.raises(ArgumentError, match="scale is 0; use a positive number"):
        F.affine(floats(1, 2, 2), 0, (0, 0), 0, 0)
    with pytest.raises(UsageError, match="tensors cannot be moved with bicubic; use nearest or bilinear"):
        F.rotate(floats(1, 2, 2), 5, InterpolationMode.BICUBIC)
    with pytest.raises(UsageError, match="PIL images do not know nearest-exact"):
        F.rotate(image(2, 2), 5, InterpolationMode.NEAREST_EXACT)


# -- colours --------------------------------------------------------------------------------------------------------


def test_grey():
    img = image(4, 5, 3)
    assert F.to_grayscale(img).tobytes() == img.convert("L").tobytes()
    three = F.to_grayscale(img, 3)
    assert three.mode == "RGB"
    tensor = F.to_grayscale(F.pil_to_tensor(img), 3)
    assert tensor.shape == (3, 4, 5)
    assert np.abs(tensor.array[0].astype(int) - np.asarray(three)[..., 0].astype(int)).max() <= 1
    with pytest.raises(ArgumentError, match="num_output_channels is 2; use 1 or 3"):
        F.to_grayscale(img, 2)
    with pytest.raises(ShapeError, match="give 1 or 3 channels"):
        F.to_grayscale(tg.zeros(2, 4, 4))


@pytest.mark.parametrize("name", ["adjust_brightness", "adjust_contrast", "adjust_saturation"])
@pytest.mark.parametrize("factor", [0, 0.4, 1, 1.8])
def test_images_and_tensors_change_alike(name, factor):
    img = image(6, 7, 3)
    change = getattr(F, name)
    as_image = np.asarray(change(img, factor)).astype(int)
    as_tensor = change(F.pil_to_tensor(img), factor).array.transpose(1, 2, 0).astype(int)
    assert np.abs(as_image - as_tensor).max() <= 2
    as_floats = change(F.to_tensor(img), factor).array.transpose(1, 2, 0) * 255
    assert np.abs(as_image - as_floats).max() <= 2
    if factor == 1:
        np.testing.assert_array_equal(as_image, np.asarray(img))


@pytest.mark.parametrize("factor", [-0.5, -0.2, 0.1, 0.5])
def test_hues_turn_alike(factor):
    img = image(6, 7, 3)
    as_image = np.asarray(F.adjust_hue(img, factor)).astype(int)
    as_tensor = F.adjust_hue(F.pil_to_tensor(img), factor).array.transpose(1, 2, 0).astype(int)
    assert np.abs(as_image - as_tensor).mean() < 3


def test_a_third_of_the_circle_moves_red_to_green():
    red = tg.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)
    np.testing.assert_allclose(F.adjust_hue(red, 1 / 3).array.ravel(), [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(F.adjust_hue(red, -1 / 3).array.ravel(), [0, 0, 1], atol=1e-6)
    x = floats(3, 5, 5)
    np.testing.assert_allclose(F.adjust_hue(x, 0).array, x.array, atol=1e-6)
    grey = tg.full((3, 2, 2), 0.3)
    np.testing.assert_allclose(F.adjust_hue(grey, 0.3).array, grey.array, atol=1e-6)


def test_negatives():
    for img in as_tensor_and_image([[0, 100, 255]]):
        assert pixels(F.invert(img)) == [[255, 155, 0]]


def test_factors_out_of_range_are_refused():
    with pytest.raises(ArgumentError, match="the factor is -1; use 0 or more; 1 changes nothing"):
        F.adjust_contrast(floats(3, 2, 2), -1)
    with pytest.raises(ArgumentError, match=re.escape("hue_factor is 0.7; use -0.5 to 0.5")):
        F.adjust_hue(floats(3, 2, 2), 0.7)


def test_erasing():
    x = tg.zeros(2, 3, 3)
    out = F.erase(x, 1, 0, 2, 2, 5)
    assert out.array[:, 1:, :2].min() == 5
    assert out.array.sum() == 2 * 4 * 5
    assert x.array.sum() == 0
    assert F.erase(x, 0, 0, 1, 1, 1, inplace=True) is x
    assert x.array.sum() == 2
