"""MNIST and its relatives, MedMNIST, Digits: found where they lie, read by sample, by batch and as a whole."""

import gzip
import hashlib
import http.server
import os
import struct
import threading
import zipfile

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, DataError, FileFormatError, IndexRangeError
from tapegrad.utils.data import DataLoader, Subset
from tapegrad.vision import datasets
from tapegrad.vision import transforms as T

COUNT = {"train": 30, "t10k": 10}


def idx(array, code=8):
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def mnist_files(seed=0):
    """The four files of a small set in MNIST's form, unpacked."""
    rng = np.random.default_rng(seed)
    files = {}
    for part, count in COUNT.items():
        files[f"{part}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        files[f"{part}-labels-idx1-ubyte"] = idx((np.arange(count) % 10).astype(np.uint8))
    return files


def lay_out(folder, files, packed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / (name + ".gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return folder


@pytest.fixture(autouse=True)
def _no_shared_folder(monkeypatch):
    """Files that the machine has are not found in place of a test's own."""
    monkeypatch.delenv("TAPEGRAD_DATA", raising=False)


@pytest.fixture
def root(tmp_path):
    return lay_out(tmp_path, mnist_files())


# -- finding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [".", "raw", "MNIST/raw", "MNIST", "mnist", "mnist/raw"])
@pytest.mark.parametrize("packed", [True, False])
def test_files_are_found_where_people_have_them(tmp_path, folder, packed):
    lay_out(tmp_path / folder, mnist_files(), packed)
    assert len(datasets.MNIST(tmp_path)) == 30
    assert len(datasets.MNIST(str(tmp_path), train=False)) == 10


def test_names_with_a_dot_are_found(tmp_path):
    lay_out(tmp_path, {name.replace("-idx", ".idx"): data for name, data in mnist_files().items()}, packed=False)
    assert len(datasets.MNIST(tmp_path)) == 30


def test_a_sets_own_folder_comes_before_the_shared_one(tmp_path):
    lay_out(tmp_path, mnist_files(seed=0))
    lay_out(tmp_path / "fashion-mnist", mnist_files(seed=1))
    fashion, digits = datasets.FashionMNIST(tmp_path), datasets.MNIST(tmp_path)
    assert (fashion.data.array != digits.data.array).any()


def test_the_root_may_come_from_the_environment(tmp_path, monkeypatch):
    lay_out(tmp_path / "mnist", mnist_files())
    monkeypatch.setenv("TAPEGRAD_DATA", str(tmp_path))
    assert datasets.data_root() == tmp_path
    assert len(datasets.MNIST()) == 30
    monkeypatch.delenv("TAPEGRAD_DATA")
    assert str(datasets.data_root()) == "data"


def test_missing_files_are_named_with_where_they_were_looked_for(tmp_path):
    with pytest.raises(DataError) as caught:
        datasets.MNIST(tmp_path)
    assert str(caught.value) == (
        f"MNIST: there is no train-images-idx3-ubyte(.gz) in {tmp_path} or its folders MNIST/raw, MNIST, mnist; "
        "put the files there, name another root (or set TAPEGRAD_DATA), or pass download=True"
    )


def test_a_damaged_file_is_named(root):
    path = root / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match=r"t10k-images-idx3-ubyte\.gz: is damaged inside its compression"):
        datasets.MNIST(root, train=False)
    assert len(datasets.MNIST(root)) == 30


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-labels-idx1-ubyte", idx(np.zeros(29, np.uint8)), r"30 images and labels of uint8 of shape \(29,\)"),
        ("train-labels-idx1-ubyte", idx(np.full(30, 10, np.uint8)), "label 10 of sample 0 is outside 0 to 9"),
        ("train-labels-idx1-ubyte", idx(np.zeros(30, ">f4"), 13), "labels of float32"),
        ("train-images-idx3-ubyte", idx(np.zeros(30, np.uint8)), r"the images are uint8 of shape \(30,\)"),
        (
            "train-images-idx3-ubyte",
            idx(np.zeros((30, 2, 2), ">i4"), 12),
            r"the images are int32 of shape \(30, 2, 2\)",
        ),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path, name, content, message):
    lay_out(tmp_path, {**mnist_files(), name: content})
    with pytest.raises(DataError, match=message):
        datasets.MNIST(tmp_path)


# -- samples and batches --------------------------------------------------------------------------------------------


def test_attributes_are_torchvisions(root):
    data = datasets.MNIST(root)
    assert data.data.shape == (30, 28, 28)
    assert data.data.dtype == np.uint8
    assert data.targets.dtype == np.int64
    assert data.targets[:3].tolist() == [0, 1, 2]
    assert data.classes[3] == "3 - three"
    assert data.class_to_idx["7 - seven"] == 7
    assert datasets.FashionMNIST.classes[9] == "Ankle boot"
    assert [len(c) for c in (datasets.FashionMNIST.classes, datasets.KMNIST.classes)] == [10, 10]


def test_a_sample_is_an_image_and_a_number(root):
    image_type = pytest.importorskip("PIL.Image").Image
    data = datasets.MNIST(root)
    image, label = data[-1]
    assert isinstance(image, image_type)
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), data.data.array[29])
    assert label == 9
    assert type(label) is int
    for index in (30, -31):
        with pytest.raises(IndexRangeError, match=f"MNIST: sample {index} of 30"):
            data[index]


def test_transforms_get_the_image_and_the_label(root):
    pytest.importorskip("PIL.Image")
    data = datasets.MNIST(root, transform=lambda image: image.size, target_transform=lambda label: -label)
    assert data[3] == ((28, 28), -3)


def test_samples_of_tensors_need_no_pillow_and_have_memory_of_their_own(root, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    data = datasets.MNIST(root, transform=T.PILToTensor())
    before = data.data.array.copy()
    image, _ = data[0]
    image.array[:] = 0
    np.testing.assert_array_equal(data.data.array, before)
    assert datasets.MNIST(root, transform=T.ToTensor())[0][0].shape == (1, 28, 28)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "transform",
    [
        T.ToTensor(),
        T.Compose([T.ToTensor(), T.Normalize((0.1307,), (0.3081,))]),
        T.Compose([T.Resize(14), T.ToTensor()]),
        T.Compose([T.ToTensor(), T.Lambda(lambda x: 1 - x)]),
    ],
    ids=str,
)
def test_batches_equal_samples(root, transform, workers):
    pytest.importorskip("PIL.Image")
    data = datasets.MNIST(root, transform=transform)
    (batch,) = DataLoader(Subset(data, [5, 2, 29]), batch_size=3, num_workers=workers)
    assert type(batch) is list
    for place, index in enumerate((5, 2, 29)):
        np.testing.assert_array_equal(batch[0].array[place], data[index][0].array)
        assert batch[1][place].item() == data[index][1]
    assert batch[1].dtype == np.int64


def test_a_batch_is_read_with_one_index(root, monkeypatch):
    data = datasets.MNIST(root, transform=T.ToTensor())
    monkeypatch.setattr(datasets.MNIST, "_image", None)  # what reads single samples
    images, _ = next(iter(DataLoader(data, batch_size=8)))
    assert images.shape == (8, 1, 28, 28)


def test_target_transforms_are_kept(root):
    data = datasets.MNIST(root, transform=T.ToTensor(), target_transform=lambda label: label * 2)
    assert next(iter(DataLoader(data, batch_size=3)))[1].tolist() == [0, 2, 4]


def test_a_subclass_that_reads_samples_its_own_way_is_heard(root):
    class Inverted(datasets.MNIST):
        def __getitem__(self, index):
            image, label = super().__getitem__(index)
            return 1 - image, label

    data = Inverted(root, transform=T.ToTensor())
    np.testing.assert_array_equal(next(iter(DataLoader(data)))[0].array[0], data[0][0].array)


def test_without_a_transform_a_loader_gives_what_tensors_gives(root):
    data = datasets.MNIST(root)
    images, labels = data.tensors()
    assert images.shape == (30, 1, 28, 28)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images.array[:, 0], data.data.array / np.float32(255))
    (batch,) = DataLoader(data, batch_size=30)
    np.testing.assert_array_equal(batch[0].array, images.array)
    np.testing.assert_array_equal(batch[1].array, labels.array)
    images.array[:] = 0
    labels.array[:] = 0
    assert data.data.array.any()
    assert data.targets.array.any()


def test_printing_is_torchvisions(root):
    data = datasets.MNIST(root, train=False, transform=T.ToTensor())
    assert repr(data).splitlines() == [
        "Dataset MNIST",
        "    Number of datapoints: 10",
        f"    Root location: {root}",
        "    Split: Test",
        "    Transform: ToTensor()",
    ]


# -- relatives ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", list(datasets.EMNIST.classes_split_dict))
def test_emnist_has_its_own_names_and_classes(tmp_path, split):
    top = len(datasets.EMNIST.classes_split_dict[split])
    images = np.zeros((4, 28, 28), np.uint8)
    labels = np.array([1, 2, 3, top - 1], np.uint8)
    files = {
        f"emnist-{split}-test-images-idx3-ubyte": idx(images),
        f"emnist-{split}-test-labels-idx1-ubyte": idx(labels),
    }
    lay_out(tmp_path / "gzip", files)
    data = datasets.EMNIST(tmp_path, split=split, train=False)
    assert data.targets.tolist() == [1, 2, 3, top - 1]
    assert len(data.classes) == top == {"byclass": 62, "bymerge": 47, "balanced": 47, "letters": 27}.get(split, 10)


def test_emnist_knows_its_splits():
    with pytest.raises(ArgumentError, match="EMNIST: there is no split 'letter'; did you mean 'letters'"):
        datasets.EMNIST("x", split="letter")


def test_qmnist_has_rows_of_labels(tmp_path):
    rows = np.zeros((5, 8), ">i4")
    rows[:, 0] = [3, 1, 4, 1, 5]
    rows[:, 2] = 77
    files = {
        "qmnist-test-images-idx3-ubyte": idx(np.zeros((5, 28, 28), np.uint8)),
        "qmnist-test-labels-idx2-int": idx(rows, 12),
    }
    lay_out(tmp_path, files)
    assert datasets.QMNIST(tmp_path, train=False).targets.tolist() == [3, 1, 4, 1, 5]
    full = datasets.QMNIST(tmp_path, what="test10k", compat=False, transform=T.ToTensor())
    assert full[2][1].tolist() == [4, 0, 77, 0, 0, 0, 0, 0]
    with pytest.raises(ArgumentError, match="there is no part 'tset'; did you mean 'test'"):
        datasets.QMNIST(tmp_path, what="tset")


def write_medmnist(path, images, labels, split="val"):
    np.savez_compressed(path, **{f"{split}_images": images, f"{split}_labels": labels})


def test_medmnist_in_grey_and_in_colour(tmp_path):
    pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for flag, shape, mode in (("breastmnist", (3, 28, 28), "L"), ("pathmnist", (3, 28, 28, 3), "RGB")):
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        write_medmnist(tmp_path / f"{flag}.npz", images, np.array([[0], [1], [1]], np.uint8))
        data = datasets.MedMNIST(flag, tmp_path, split="val")
        assert data.targets.tolist() == [0, 1, 1]
        assert data[0][0].mode == mode
        floats, _ = data.tensors()
        assert floats.shape == (3, len(mode), 28, 28)
        np.testing.assert_array_equal(floats.array[1], T.ToTensor()(images[1]).array)
        data.transform = T.ToTensor()
        np.testing.assert_array_equal(next(iter(DataLoader(data, batch_size=3)))[0].array, floats.array)


def test_medmnist_with_many_labels(tmp_path):
    labels = np.eye(3, 14, dtype=np.uint8)
    write_medmnist(tmp_path / "chestmnist.npz", np.zeros((3, 28, 28), np.uint8), labels)
    data = datasets.MedMNIST("chestmnist", tmp_path, split="val", transform=T.ToTensor())
    assert data.targets.dtype == np.float32
    assert data[1][1].tolist() == labels[1].tolist()
    assert next(iter(DataLoader(data, batch_size=3)))[1].shape == (3, 14)
    assert data.task == "multi-label, binary-class"


def test_medmnist_refuses_what_it_does_not_know(tmp_path):
    with pytest.raises(ArgumentError, match="there is no set 'brestmnist'; did you mean 'breastmnist'"):
        datasets.MedMNIST("brestmnist", tmp_path)
    with pytest.raises(ArgumentError, match="there is no split 'valid'; did you mean 'val'"):
        datasets.MedMNIST("breastmnist", tmp_path, split="valid")
    with pytest.raises(DataError, match=r"there is no breastmnist\.npz in .*; put it there, name another root"):
        datasets.MedMNIST("breastmnist", tmp_path)
    write_medmnist(tmp_path / "breastmnist.npz", np.zeros((3, 28, 28), np.uint8), np.zeros((3, 2), np.uint8))
    with pytest.raises(FileFormatError, match=r"has labels of shape \(3, 2\)"):
        datasets.MedMNIST("breastmnist", tmp_path, split="val")
    with pytest.raises(FileFormatError, match="has no test_images or test_labels, but val_images, val_labels"):
        datasets.MedMNIST("breastmnist", tmp_path, split="test")


# -- the real ones --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "folder", "mean", "spread"),
    [(datasets.MNIST, "mnist", 0.1307, 0.3081), (datasets.FashionMNIST, "fashion-mnist", 0.2860, 0.3530)],
)
def test_the_real_files(data_folder, kind, folder, mean, spread):
    train = kind(data_folder / folder)
    test = kind(data_folder, train=False)
    assert (len(train), len(test)) == (60_000, 10_000)
    images, labels = train.tensors()
    assert images.shape == (60_000, 1, 28, 28)
    assert images.array.mean(dtype=np.float64) == pytest.approx(mean, abs=1e-4)
    assert images.array.std(dtype=np.float64) == pytest.approx(spread, abs=1e-4)
    assert set(np.unique(labels.array)) == set(range(10))
    assert np.bincount(test.targets.array).min() > 800


def test_the_files_of_another_set_are_recognised(data_folder):
    with pytest.raises(
        DataError, match=r"train-labels-idx1-ubyte\.gz is MNIST's; use MNIST, or give the root of FashionMNIST"
    ):
        datasets.FashionMNIST(data_folder / "mnist")
    with pytest.raises(DataError, match="is FashionMNIST's; use FashionMNIST"):
        datasets.MNIST(data_folder / "fashion-mnist")


def test_the_real_checksums(data_folder):
    for kind, folder in ((datasets.MNIST, "mnist"), (datasets.FashionMNIST, "fashion-mnist")):
        for name, md5 in kind.resources:
            assert hashlib.md5((data_folder / folder / name).read_bytes()).hexdigest() == md5


def test_the_real_breasts(data_folder):
    sizes = [len(datasets.MedMNIST("breastmnist", data_folder, split=s)) for s in ("train", "val", "test")]
    assert sizes == [546, 78, 156]


def test_the_digits_that_come_along():
    train, test = datasets.Digits(), datasets.Digits(train=False)
    assert (len(train), len(test)) == (1442, 355)
    assert train.data.array.max() == 16
    counts = np.bincount(test.targets.array)
    assert counts.min() >= 34
    assert counts.max() <= 36
    images, labels = train.tensors()
    assert images.shape == (1442, 1, 8, 8)
    np.testing.assert_array_equal(images.array[:, 0] * 16, train.data.array)
    assert labels.dtype == np.int64
    assert os.path.getsize(datasets.digits._FILE) < 100_000
    np.testing.assert_array_equal(datasets.Digits().data.array, train.data.array)
    # The first digit of the set, as printed in its description.
    assert train.data.array[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_digits_are_stretched_to_bytes_for_transforms():
    data = datasets.Digits(transform=T.ToTensor())
    image, _ = data[0]
    assert image.array.max() > 0.9
    np.testing.assert_allclose(image.array[0], data.data.array[0] / 16, atol=0.002)
    (batch,) = DataLoader(Subset(data, [0]), batch_size=1)
    np.testing.assert_array_equal(batch[0].array[0], image.array)


# -- downloads ------------------------------------------------------------------------------------------------------


class Mirror(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.chunked:
            self.wfile.write(f"{len(content):x}\r\n".encode())
        self.wfile.write(content[: len(content) - self.server.missing])
        self.wfile.flush()
        self.server.silence.wait()

    def log_message(self, *args):
        pass


@pytest.fixture
def mirror():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.files, server.asked, server.missing = {}, [], 0
    server.chunked = False
    server.silence = threading.Event()
    server.silence.set()
    server.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.silence.set()
    server.shutdown()
    thread.join()
    server.server_close()


def small_mnist(*mirrors):
    """MNIST with other files and other mirrors."""
    files = {name + ".gz": gzip.compress(data, mtime=0) for name, data in mnist_files().items()}

    class SmallMNIST(datasets.MNIST):
        resources = tuple((name, hashlib.md5(data).hexdigest()) for name, data in files.items())

    SmallMNIST.mirrors = mirrors
    return SmallMNIST, files


DEAD = "http://127.0.0.1:9/"


def test_files_come_from_the_first_mirror_that_answers(tmp_path, mirror):
    kind, files = small_mnist(DEAD, mirror.url + "gone/", mirror.url)
    mirror.files = files
    data = kind(tmp_path, download=True)
    assert len(data) == 30
    assert data.raw_folder == tmp_path / "SmallMNIST" / "raw"
    assert sorted(os.listdir(data.raw_folder)) == sorted(files)
    asked = len(mirror.asked)
    kind(tmp_path, download=True)
    assert len(mirror.asked) == asked, "what is there is not fetched again"


def test_a_download_goes_where_it_is_looked_for(tmp_path, mirror, monkeypatch):
    for seed, kind in enumerate((datasets.MNIST, datasets.KMNIST)):
        files = {name + ".gz": gzip.compress(data, mtime=seed) for name, data in mnist_files(seed).items()}
        mirror.files = files
        monkeypatch.setattr(kind, "mirrors", (mirror.url,))
        monkeypatch.setattr(kind, "resources", tuple((n, hashlib.md5(d).hexdigest()) for n, d in files.items()))
        assert len(kind(tmp_path, download=True)) == 30


def test_a_file_with_a_wrong_checksum_is_not_kept(tmp_path, mirror):
    kind, files = small_mnist(mirror.url + "bad/", mirror.url)
    mirror.files = {"bad/" + name: data[:-1] for name, data in files.items()}
    with pytest.raises(DataError, match="what came has the MD5"):
        kind(tmp_path, download=True)
    assert os.listdir(tmp_path / "SmallMNIST" / "raw") == []
    mirror.files.update(files)
    assert len(kind(tmp_path, download=True)) == 30


@pytest.mark.parametrize("chunked", [False, True])
def test_a_connection_that_is_cut_is_not_taken_for_the_end(tmp_path, mirror, chunked):
    kind, files = small_mnist(mirror.url)
    mirror.files, mirror.missing, mirror.chunked = files, 100, chunked
    with pytest.raises(DataError, match="could not be downloaded"):
        kind(tmp_path, download=True)
    assert os.listdir(tmp_path / "SmallMNIST" / "raw") == []


def test_a_mirror_that_falls_silent_is_given_up(tmp_path, mirror, monkeypatch):
    kind, files = small_mnist(mirror.url)
    mirror.files, mirror.missing = files, 100
    mirror.silence.clear()
    monkeypatch.setattr(datasets.files, "_TIMEOUT", 0.1)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz \(timed out\); check the connection"):
        kind(tmp_path, download=True)
    assert os.listdir(tmp_path / "SmallMNIST" / "raw") == []


def test_when_no_mirror_answers_the_message_says_what_to_put_where(tmp_path, mirror):
    kind, _ = small_mnist(DEAD, mirror.url)
    with pytest.raises(DataError) as caught:
        kind(tmp_path, download=True)
    message = str(caught.value)
    assert message.startswith(
        "SmallMNIST: train-images-idx3-ubyte.gz could not be downloaded: http://127.0.0.1:9/train-images"
    )
    assert "refused" in message
    assert f"{mirror.url}train-images-idx3-ubyte.gz (Not Found)" in message
    assert message.endswith(f"check the connection, or put the file into {tmp_path}/SmallMNIST/raw by hand")


def test_a_full_disk_is_not_the_mirrors_fault(tmp_path, mirror, monkeypatch):
    kind, files = small_mnist(mirror.url, mirror.url)
    mirror.files = files

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        kind(tmp_path, download=True)
    assert len(mirror.asked) == 1
    assert os.listdir(tmp_path / "SmallMNIST" / "raw") == []


def test_emnist_is_unpacked(tmp_path, mirror, monkeypatch):
    content = {}
    for part in ("train", "test"):
        content[f"emnist-digits-{part}-images-idx3-ubyte"] = idx(np.zeros((3, 28, 28), np.uint8))
        content[f"emnist-digits-{part}-labels-idx1-ubyte"] = idx(np.arange(3, dtype=np.uint8))
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(f"gzip/{name}.gz", gzip.compress(data))
        archive.writestr("../escape.gz", "no")
    mirror.files = {"gzip.zip": path.read_bytes()}
    monkeypatch.setattr(datasets.EMNIST, "mirrors", (mirror.url,))
    monkeypatch.setattr(datasets.EMNIST, "resources", (("gzip.zip", hashlib.md5(path.read_bytes()).hexdigest()),))
    data = datasets.EMNIST(tmp_path / "root", split="digits", download=True)
    assert data.targets.tolist() == [0, 1, 2]
    assert sorted(os.listdir(data.raw_folder)) == sorted(name + ".gz" for name in content)
    datasets.EMNIST(tmp_path / "root", split="digits", train=False, download=True)
    assert len(mirror.asked) == 1


def test_medmnist_is_fetched(tmp_path, mirror, monkeypatch):
    path = tmp_path / "made.npz"
    write_medmnist(path, np.zeros((2, 28, 28), np.uint8), np.array([[0], [1]], np.uint8), split="train")
    mirror.files = {"breastmnist.npz": path.read_bytes()}
    known = datasets.medmnist._SETS["breastmnist"]
    changed = known._replace(md5=hashlib.md5(path.read_bytes()).hexdigest())
    monkeypatch.setitem(datasets.medmnist._SETS, "breastmnist", changed)
    monkeypatch.setattr(datasets.MedMNIST, "mirrors", (mirror.url,))
    assert len(datasets.MedMNIST("breastmnist", tmp_path / "root", download=True)) == 2


def test_a_training_on_digits_learns():
    """All together: data, loader, layers, optimizer."""
    tg.manual_seed(0)
    transform = T.Compose([T.ToTensor(), T.Normalize((0.3,), (0.38,))])
    loader = DataLoader(datasets.Digits(transform=transform), batch_size=64, shuffle=True)
    model = tg.nn.Sequential(tg.nn.Flatten(), tg.nn.Linear(64, 10))
    optimizer, loss = tg.optim.SGD(model.parameters(), lr=0.1), tg.nn.CrossEntropyLoss()
    for _ in range(3):
        for images, labels in loader:
            optimizer.zero_grad()
            loss(model(images), labels).backward()
            optimizer.step()
    images, labels = next(iter(DataLoader(datasets.Digits(train=False, transform=transform), batch_size=355)))
    assert (model(images).array.argmax(1) == labels.array).mean() > 0.9
