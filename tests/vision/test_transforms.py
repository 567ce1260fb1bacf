"""The transforms as objects: how they print, what is random in them, that seeds decide, and whole batches."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, MissingExtraError, UsageError
from tapegrad.ops.generator import use_generator
from tapegrad.utils.data import DataLoader, Dataset, Subset
from tapegrad.vision import datasets
from tapegrad.vision import transforms as T

Image = pytest.importorskip("PIL.Image")


def image(*shape, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def ramp(height, width):
    return tg.arange(height * width).reshape(1, height, width)


def seeded(seed=0):
    return use_generator(tg.Generator().manual_seed(seed))


def draws(transform, img, count):
    with seeded():
        return [transform(img) for _ in range(count)]


def test_printing_is_torchvisions():
    composed = T.Compose([T.ToTensor(), T.Normalize((0.1,), (0.3,))])
    assert repr(composed) == "Compose(\n    ToTensor()\n    Normalize(mean=(0.1,), std=(0.3,))\n)"
    assert repr(T.RandomApply([T.ToTensor()])) == "RandomApply(\n    p=0.5\n    ToTensor()\n)"
    assert repr(T.RandomChoice([T.ToTensor()])) == "RandomChoice(\n    ToTensor()\n)(p=None)"
    assert repr(T.RandomOrder([T.ToTensor()])) == "RandomOrder(\n    ToTensor()\n)"


@pytest.mark.parametrize(
    ("transform", "text"),
    [
        (T.Resize(32), "Resize(size=32, interpolation=bilinear, max_size=None, antialias=True)"),
        (T.CenterCrop(3), "CenterCrop(size=(3, 3))"),
        (T.RandomCrop(3, padding=2), "RandomCrop(size=(3, 3), padding=2)"),
        (T.RandomHorizontalFlip(), "RandomHorizontalFlip(p=0.5)"),
        (T.RandomVerticalFlip(0.1), "RandomVerticalFlip(p=0.1)"),
        (T.RandomRotation(30), "RandomRotation(degrees=[-30.0, 30.0], interpolation=nearest, expand=False, fill=0)"),
        (
            T.RandomResizedCrop(22),
            "RandomResizedCrop(size=(22, 22), scale=(0.08, 1.0), ratio=(0.75, 1.3333), interpolation=bilinear, antialias=True)",
        ),
        (T.Pad(3), "Pad(padding=3, fill=0, padding_mode=constant)"),
        (T.Grayscale(), "Grayscale(num_output_channels=1)"),
        (T.RandomGrayscale(), "RandomGrayscale(p=0.1)"),
        (T.RandomAffine(10), "RandomAffine(degrees=[-10.0, 10.0])"),
        (
            T.RandomAffine(10, translate=(0.1, 0.2), scale=(0.9, 1.1), shear=5),
            "RandomAffine(degrees=[-10.0, 10.0], translate=(0.1, 0.2), scale=(0.9, 1.1), shear=[-5.0, 5.0])",
        ),
        (T.ToPILImage(), "ToPILImage()"),
        (T.ToPILImage("L"), "ToPILImage(mode=L)"),
        (T.PILToTensor(), "PILToTensor()"),
        (T.ConvertImageDtype("float32"), "ConvertImageDtype()"),
        (T.RandomErasing(), "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)"),
        (T.Lambda(len), "Lambda()"),
        (T.FiveCrop(3), "FiveCrop(size=(3, 3))"),
        (T.TenCrop(3), "TenCrop(size=(3, 3), vertical_flip=False)"),
        (
            T.ColorJitter(0.1, 0.2, 0.3, 0.4),
            "ColorJitter(brightness=(0.9, 1.1), contrast=(0.8, 1.2), saturation=(0.7, 1.3), hue=(-0.4, 0.4))",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_prints_as_torchvisions(transform, text):
    assert repr(transform) == text


def test_transforms_follow_one_another():
    transform = T.Compose([T.Grayscale(), T.Resize((4, 6)), T.CenterCrop(4), T.ToTensor(), T.Normalize([0.5], [0.5])])
    out = transform(image(8, 12, 3))
    assert out.shape == (1, 4, 4)
    assert out.array.min() >= -1
    assert out.array.max() <= 1
    assert T.Lambda(lambda x: x + 1)(2) == 3
    assert T.ToPILImage()(T.PILToTensor()(image(3, 4))).tobytes() == image(3, 4).tobytes()
    assert T.ConvertImageDtype("float32")(T.PILToTensor()(image(3, 4))).dtype == np.float32
    assert T.Pad(1)(image(3, 4)).size == (6, 5)
    assert len(T.FiveCrop(2)(image(3, 4))) == 5
    assert len(T.TenCrop(2)(image(3, 4))) == 10


def test_transforms_are_modules():
    from tapegrad import nn

    model = nn.Sequential(T.CenterCrop(2), T.Normalize([0.0], [2.0]), nn.Flatten())
    assert model(tg.ones(3, 1, 4, 4)).tolist() == [[0.5] * 4] * 3
    flips = T.RandomApply(nn.ModuleList([T.RandomHorizontalFlip(1), T.RandomVerticalFlip(1)]), p=1)
    assert flips(ramp(1, 3)).tolist() == [[[2, 1, 0]]]


# -- randomness -----------------------------------------------------------------------------------------------------

RANDOM = [
    T.RandomCrop(5),
    T.RandomCrop(8, padding=2, padding_mode="reflect"),
    T.RandomResizedCrop(6),
    T.RandomHorizontalFlip(),
    T.RandomVerticalFlip(),
    T.RandomRotation(90),
    T.RandomAffine(30, translate=(0.3, 0.3), scale=(0.5, 1.5), shear=(-5, 5, -10, 10)),
    T.RandomApply([T.RandomRotation(90)]),
    T.RandomChoice([T.RandomHorizontalFlip(1), T.RandomVerticalFlip(1)]),
    T.RandomOrder([T.RandomRotation(90), T.RandomHorizontalFlip()]),
    T.ColorJitter(0.5, 0.5, 0.5, 0.3),
    T.RandomGrayscale(0.5),
]


@pytest.mark.parametrize("transform", RANDOM, ids=lambda t: type(t).__name__)
def test_seeds_decide_for_images_and_tensors(transform):
    for img in (image(8, 8, 3), T.ToTensor()(image(8, 8, 3))):
        results = []
        for seed in (1, 1, 2, 3, 4, 5):
            tg.manual_seed(seed)
            results.append(
                np.asarray(transform(transform(img) if transform.__class__ is T.RandomApply else img)).tobytes()
            )
        assert results[0] == results[1]
        assert len(set(results)) > 1


class Pictures(Dataset):
    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return self.transform(image(8, 8, 3, seed=index))


@pytest.mark.parametrize("transform", RANDOM, ids=lambda t: type(t).__name__)
def test_the_stream_of_pictures_does_not_depend_on_the_workers(transform):
    def stream(workers):
        composed = T.Compose([transform, T.ToTensor(), T.RandomErasing()])
        loader = DataLoader(
            Pictures(composed), batch_size=5, num_workers=workers, generator=tg.Generator().manual_seed(1), shuffle=True
        )
        return [batch.array.tobytes() for _ in range(2) for batch in loader]

    first = stream(0)
    assert stream(1) == stream(2) == stream(4) == first


def test_crops_reach_every_place_and_stay_inside():
    places = {tuple(crop.array[0, 0, :1]) for crop in draws(T.RandomCrop((2, 3)), ramp(4, 5), 200)}
    assert places == {(v,) for v in (0, 1, 2, 5, 6, 7, 10, 11, 12)}
    assert {c.shape for c in draws(T.RandomCrop(2, padding=1), ramp(4, 5), 5)} == {(1, 2, 2)}
    assert T.RandomCrop(7, pad_if_needed=True)(image(4, 5)).size == (7, 7)
    top, left, height, width = T.RandomCrop.get_params(image(4, 5), (4, 5))
    assert (top, left, height, width) == (0, 0, 4, 5)


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(ArgumentError) as caught:
        T.RandomCrop(7)(image(4, 5))
    assert str(caught.value) == "RandomCrop: a crop of (7, 7) from an image of (4, 5); use padding, or resize before"


def test_flips_come_with_their_probability():
    img = ramp(1, 2)
    flipped = sum(out.array[0, 0, 0] == 1 for out in draws(T.RandomHorizontalFlip(0.3), img, 2000))
    assert flipped / 2000 == pytest.approx(0.3, abs=0.03)
    assert all(out is img for out in draws(T.RandomVerticalFlip(0.0), img, 20))
    assert all(out.array[0, 0, 0] == 1 for out in draws(T.RandomHorizontalFlip(1.0), img, 20))


def test_parts_and_orders_are_drawn_evenly_or_by_weight():
    one, two = (T.Lambda(lambda x, n=n: x + n) for n in (1, 2))
    sums = draws(T.RandomChoice([one, two], p=[1, 3]), 0, 2000)
    assert sums.count(2) / 2000 == pytest.approx(0.75, abs=0.03)
    assert set(draws(T.RandomChoice([one, two]), 0, 50)) == {1, 2}
    double = T.Lambda(lambda x: x * 2)
    assert set(draws(T.RandomOrder([one, double]), 1, 50)) == {4, 3}
    applied = draws(T.RandomApply([one, two], p=0.25), 0, 2000)
    assert set(applied) == {0, 3}
    assert applied.count(3) / 2000 == pytest.approx(0.25, abs=0.03)


def test_resized_crops_have_the_wanted_areas_and_shapes():
    img = image(100, 80)
    with seeded():
        boxes = [T.RandomResizedCrop.get_params(img, (0.2, 0.5), (0.5, 2.0)) for _ in range(300)]
    for top, left, height, width in boxes:
        assert 0.18 * 8000 <= height * width <= 0.52 * 8000
        assert 0.45 <= width / height <= 2.2
        assert 0 <= top <= 100 - height
        assert 0 <= left <= 80 - width
    assert T.RandomResizedCrop((6, 7))(img).size == (7, 6)


def test_a_resized_crop_that_never_fits_is_the_middle():
    top, left, height, width = T.RandomResizedCrop.get_params(ramp(10, 100), (1.0, 1.0), (1.0, 1.0))
    assert (top, left, height, width) == (0, 45, 10, 10)
    top, left, height, width = T.RandomResizedCrop.get_params(ramp(100, 10), (1.0, 1.0), (1.0, 1.0))
    assert (top, left, height, width) == (45, 0, 10, 10)


def test_angles_and_shifts_stay_within_their_ranges():
    with seeded():
        angles = [T.RandomRotation.get_params((-20, 70)) for _ in range(300)]
        maps = [
            T.RandomAffine.get_params((-5, 5), (0.1, 0.3), (0.5, 2.0), (-3, 3, 10, 20), (50, 10)) for _ in range(300)
        ]
    assert -20 <= min(angles) < 0 < 50 < max(angles) <= 70
    for angle, (right, down), scale, (along_x, along_y) in maps:
        assert abs(angle) <= 5
        assert abs(right) <= 5
        assert abs(down) <= 3
        assert 0.5 <= scale <= 2
        assert abs(along_x) <= 3
        assert 10 <= along_y <= 20
    assert {type(m[1][0]) for m in maps} == {int}
    with seeded():
        plain = T.RandomAffine.get_params((0, 0), None, None, None, (5, 5))
    assert plain == (0.0, (0, 0), 1.0, (0.0, 0.0))


def test_erased_rectangles():
    x = tg.ones(3, 20, 20)
    with seeded():
        for _ in range(50):
            *box, filling = T.RandomErasing.get_params(x, (0.1, 0.2), (0.5, 2.0), [4, 5, 6])
            assert 0.07 * 400 <= box[2] * box[3] <= 0.25 * 400
            assert filling.ravel().tolist() == [4, 5, 6]
    erased = draws(T.RandomErasing(p=1, value=0), x, 1)[0]
    assert 0 < (erased.array == 0).sum() < x.numel()
    assert x.array.min() == 1
    noise = draws(T.RandomErasing(p=1, value="random"), x, 1)[0]
    assert len(np.unique(noise.array)) > 20
    assert all(out is x for out in draws(T.RandomErasing(p=0), x, 20))
    tiny = tg.ones(1, 1, 1)
    assert draws(T.RandomErasing(p=1), tiny, 1)[0].tolist() == [[[1.0]]]


def test_jitter_without_ranges_changes_nothing():
    img = image(4, 4, 3)
    assert T.ColorJitter()(img).tobytes() == img.tobytes()
    assert T.ColorJitter(brightness=(2.0, 2.0)).brightness == (2.0, 2.0)
    assert T.ColorJitter(brightness=3).brightness == (0.0, 4.0)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: T.Resize(0), ArgumentError, "Resize: size is 0"),
        (lambda: T.RandomHorizontalFlip(1.5), ArgumentError, r"RandomHorizontalFlip: p is 1\.5; use a probability"),
        (lambda: T.RandomRotation(-1), ArgumentError, "RandomRotation: degrees is -1; use a positive number"),
        (lambda: T.RandomRotation((1, 2, 3)), ArgumentError, r"degrees is \(1, 2, 3\); give one number"),
        (lambda: T.RandomAffine(0, translate=(2, 0)), ArgumentError, r"translate is \(2, 0\); give two shares"),
        (lambda: T.RandomAffine(0, scale=(0, 1)), ArgumentError, r"scale is \(0, 1\); give positive"),
        (lambda: T.RandomAffine(0, shear=(1, 2, 3)), UsageError, r"shear is \(1, 2, 3\)"),
        (lambda: T.RandomResizedCrop(4, scale=(1, 0.5)), ArgumentError, r"scale is \(1, 0\.5\)"),
        (lambda: T.RandomErasing(value="black"), ArgumentError, "value is 'black'; use a number"),
        (lambda: T.RandomErasing(scale=(0, 2)), ArgumentError, "areas within 0 and 1"),
        (
            lambda: T.RandomErasing(1, value=[1, 2])(tg.zeros(3, 9, 9)),
            ArgumentError,
            r"value is \[1, 2\] for 3 channels",
        ),
        (lambda: T.ColorJitter(hue=0.7), ArgumentError, r"hue is 0\.7; use a number, or a pair within -0\.5 and 0\.5"),
        (lambda: T.ColorJitter(brightness=-1), ArgumentError, "brightness is -1"),
        (lambda: T.ColorJitter(contrast=(2, 1)), ArgumentError, r"contrast is \(2, 1\)"),
        (lambda: T.Lambda(3), UsageError, "Lambda: lambd is a int; give a function"),
        (lambda: T.RandomApply(T.ToTensor()), UsageError, r"RandomApply: transforms is ToTensor\(\); give a list"),
        (lambda: T.RandomChoice([T.ToTensor()], p=[1, 2]), ArgumentError, "give each one a weight"),
        (lambda: T.Resize(3, interpolation="cubic"), UsageError, "interpolation is 'cubic'; use one of"),
    ],
)
def test_arguments_out_of_range_are_refused(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


def test_without_pillow_the_extra_is_named(monkeypatch):
    import sys

    tensor = T.PILToTensor()(image(2, 2))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError) as caught:
        T.ToPILImage()(tensor)
    assert str(caught.value) == "to_pil_image: the package 'pillow' is not installed; pip install 'tapegrad[lab]'"
    assert T.ToTensor()(np.zeros((2, 2), np.uint8)).shape == (1, 2, 2)


# -- whole batches --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [
        T.ToTensor(),
        T.PILToTensor(),
        T.Compose([T.ToTensor()]),
        T.Compose([T.ToTensor(), T.Normalize([0.5], [0.2])]),
        T.Compose(
            [T.Compose([T.PILToTensor(), T.ConvertImageDtype("float32")]), T.CenterCrop(4), T.Pad(1), T.Resize((7, 3))]
        ),
        T.Compose([T.ToTensor(), T.Grayscale(3), T.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])]),
    ],
    ids=str,
)
@pytest.mark.parametrize("channels", [None, 3])
def test_a_whole_batch_equals_its_images(transform, channels):
    shape = (5, 6, 8) if channels is None else (5, 6, 8, channels)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    batch = T.whole_batch(transform)(images)
    for i in range(5):
        np.testing.assert_array_equal(batch.array[i], transform(Image.fromarray(images[i])).array)


def test_a_whole_batch_leaves_the_images_alone():
    images = np.random.default_rng(0).random((3, 4, 4), np.float32)
    before = images.copy()
    T.whole_batch(T.Compose([T.ToTensor(), T.Normalize([0.5], [0.2])]))(images)
    np.testing.assert_array_equal(images, before)


class InMemory(datasets.ImageArrays):
    """Images of 6 × 8 random bytes; ``one_by_one`` has a DataLoader read each alone, as a PIL image."""

    def __init__(self, transform, channels=None, one_by_one=False):
        super().__init__(None, transform)
        self.classes = "ab"
        self.one_by_one = one_by_one
        shape = (23, 6, 8) if channels is None else (23, 6, 8, channels)
        self.fill(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), np.zeros(23, np.uint8))

    def _image(self, values):
        return self.transform(Image.fromarray(values)) if self.one_by_one else super()._image(values)

    def __getbatch__(self, indices):
        return NotImplemented if self.one_by_one else super().__getbatch__(indices)


MOVES = [
    T.Compose([T.RandomCrop(6, padding=2), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize([0.5], [0.2])]),
    T.Compose([T.ToTensor(), T.RandomVerticalFlip(0.3), T.RandomCrop((5, 4))]),
    T.Compose([T.RandomHorizontalFlip(), T.PILToTensor(), T.RandomCrop((4, 9), pad_if_needed=True)]),
    T.Compose([T.RandomCrop(6, padding=(1, 2), fill=7), T.Compose([T.ToTensor()]), T.RandomHorizontalFlip()]),
    T.Compose([T.RandomCrop(7, padding=1, padding_mode="reflect"), T.ToTensor(), T.Pad(1), T.RandomCrop(8)]),
]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("transform", MOVES, ids=str)
def test_random_moves_of_a_batch_are_those_of_its_images(transform, channels, workers):
    def passes(one_by_one):
        data = Subset(InMemory(transform, channels, one_by_one), range(22, -1, -1))
        generator = tg.Generator().manual_seed(5)
        loader = DataLoader(data, batch_size=4, shuffle=True, num_workers=workers, generator=generator)
        loader.set_epoch(1)
        return [x.array for x, _ in loader] + [x.array for x, _ in loader.from_batch(2)]

    batches, singles = passes(False), passes(True)
    assert len(batches) == len(singles) == 6 + 4
    for batch, single in zip(batches, singles, strict=True):
        np.testing.assert_array_equal(batch, single)


def test_random_moves_go_batch_by_batch():
    class Alone(InMemory):
        def _image(self, values):
            raise AssertionError("one image was read")

    for transform in MOVES:
        assert len(list(DataLoader(Alone(transform), batch_size=10))) == 3


def test_random_moves_outside_a_loader_come_from_the_one_stream():
    data = InMemory(MOVES[0])
    assert data.__getbatch__([0, 1]) is NotImplemented
    tg.manual_seed(0)
    together = [data[i][0].array for i in range(4)]
    tg.manual_seed(0)
    for i, image in enumerate(together):
        np.testing.assert_array_equal(image, MOVES[0](Image.fromarray(data.data.array[i])).array)


class Louder(T.Normalize):
    def forward(self, tensor):
        return super().forward(tensor) * tensor.sum()


@pytest.mark.parametrize(
    "transform",
    [
        None,
        T.Normalize([0.5], [0.5]),
        T.Compose([]),
        T.Compose([T.Resize(4), T.ToTensor()]),
        T.Compose([T.ToTensor(), T.RandomRotation(10)]),
        T.Compose([T.RandomCrop(4, padding=1, fill=300), T.ToTensor()]),
        T.Compose([T.RandomHorizontalFlip(), T.CenterCrop(3), T.ToTensor()]),
        T.Compose([T.ToTensor(), T.Lambda(lambda x: x / x.max())]),
        T.Compose([T.ToTensor(), Louder([0.5], [0.5])]),
        lambda img: img,
    ],
)
def test_what_has_to_see_one_image_at_a_time_does(transform):
    assert T.whole_batch(transform) is None
