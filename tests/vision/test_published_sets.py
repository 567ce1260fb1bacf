"""CIFAR, SVHN, USPS and fake data: small files in their formats, written byte by byte."""

import bz2
import io
import pickle
import struct
import tarfile
import zlib

import numpy as np
import pytest

from tapegrad.errors import ArgumentError, DataError, FileFormatError, IndexRangeError
from tapegrad.utils.data import DataLoader
from tapegrad.vision import datasets
from tapegrad.vision import transforms as T
from tapegrad.vision.datasets.mat import read_mat

pytest.importorskip("PIL.Image")


@pytest.fixture(autouse=True)
def own_data_only(monkeypatch):
    monkeypatch.delenv("TAPEGRAD_DATA", raising=False)


def pixels(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


def text(value):
    return b"T" + struct.pack("<I", len(value)) + value


def python2_pickle(images, labels, labels_key=b"labels"):
    """What Python 2 and its NumPy wrote: bytes as text, modules under their old names."""
    shape = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in images.shape) + b"t"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01" + shape
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    numbers = b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e"
    data = array + dtype + b"\x89" + text(images.tobytes()) + b"tb"
    return b"\x80\x02}(" + text(b"data") + data + text(labels_key) + numbers + b"u."


def cifar_files(images, labels):
    names = [f"data_batch_{i}" for i in range(1, 6)]
    parts = zip(names, np.split(images, 5), np.split(np.array(labels), 5), strict=True)
    files = {name: python2_pickle(part.reshape(len(part), 3072), list(map(int, own))) for name, part, own in parts}
    return files | {"batches.meta": pickle.dumps({"label_names": ["plane", "car", "bird"]}, protocol=2)}


@pytest.mark.parametrize("packed", [False, True])
def test_cifar_is_read_from_a_folder_and_from_its_archive(tmp_path, packed):
    images, labels = pixels(10), [0, 1, 2, 0, 1, 2, 0, 1, 2, 2]
    files = cifar_files(images, labels)
    if packed:
        with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as tar:
            for name, data in files.items():
                info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    else:
        (tmp_path / "cifar-10-batches-py").mkdir()
        for name, data in files.items():
            (tmp_path / "cifar-10-batches-py" / name).write_bytes(data)
    data = datasets.CIFAR10(tmp_path, transform=T.ToTensor())
    assert isinstance(data.data, np.ndarray)
    assert data.data.shape == (10, 32, 32, 3)
    assert (data.data == images.transpose(0, 2, 3, 1)).all()
    assert data.targets == labels
    assert data.class_to_idx == {"plane": 0, "car": 1, "bird": 2}
    np.testing.assert_allclose(data[3][0].array, images[3] / 255, rtol=1e-6)
    batch, numbers = next(iter(DataLoader(data, batch_size=4)))
    np.testing.assert_allclose(batch.array, images[:4] / 255, rtol=1e-6)
    assert numbers.tolist() == labels[:4]
    chosen = np.array(data.targets) == 2
    data.data, data.targets = data.data[chosen], [2] * int(chosen.sum())
    assert len(data) == 4
    assert data[-1][1] == 2
    plain = datasets.CIFAR10(tmp_path)
    assert np.asarray(plain[1][0]).tolist() == images[1].transpose(1, 2, 0).tolist()
    assert plain.tensors()[0].shape == (10, 3, 32, 32)


def test_cifar_files_are_not_run(tmp_path):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": ["a"]}, protocol=2))
    (folder / "train").write_bytes(b"\x80\x02cos\nsystem\nU\x04true\x85R.")
    with pytest.raises(FileFormatError, match=r"os\.system"):
        datasets.CIFAR100(tmp_path)
    (folder / "test").write_bytes(python2_pickle(pixels(2).reshape(2, 3072), [0, 0], b"fine_labels"))
    assert len(datasets.CIFAR100(tmp_path, train=False)) == 2
    with pytest.raises(DataError, match=r"neither cifar-10-batches-py nor cifar-10-python\.tar\.gz"):
        datasets.CIFAR10(tmp_path)


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(name, values, compress):
    flags = element(6, struct.pack("<II", 9, 0))
    sizes = element(5, struct.pack(f"<{values.ndim}i", *values.shape))
    content = flags + sizes + element(1, name) + element(2, values.tobytes(order="F"))
    whole = element(14, content)
    packed = zlib.compress(whole)
    return struct.pack("<II", 15, len(packed)) + packed if compress else whole


@pytest.mark.parametrize("compress", [False, True])
def test_svhn_is_read_without_scipy(tmp_path, compress):
    images, labels = pixels(3), np.array([[10], [3], [9]], np.uint8)
    parts = [matrix(b"X", images.transpose(2, 3, 1, 0), compress), matrix(b"y", labels, compress)]
    path = tmp_path / "train_32x32.mat"
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + b"".join(parts))
    data = datasets.SVHN(tmp_path, transform=T.ToTensor())
    assert data.data.shape == (3, 3, 32, 32)
    assert (data.data == images).all()
    assert data.labels.tolist() == [0, 3, 9]
    np.testing.assert_allclose(data[1][0].array, images[1] / 255, rtol=1e-6)
    np.testing.assert_allclose(next(iter(DataLoader(data, batch_size=3)))[0].array, images / 255, rtol=1e-6)
    np.testing.assert_allclose(data.tensors()[0].array, images / 255, rtol=1e-6)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FileFormatError, match="damaged"):
        read_mat(path)
    path.write_bytes(b"no matrix")
    with pytest.raises(FileFormatError, match="no little-endian MATLAB file"):
        datasets.SVHN(tmp_path)
    with pytest.raises(ArgumentError, match="split 'valid'"):
        datasets.SVHN(tmp_path, split="valid")
    with pytest.raises(DataError, match=r"no test_32x32\.mat"):
        datasets.SVHN(tmp_path, split="test")


def test_usps_is_read_from_text(tmp_path):
    values = np.linspace(-1, 1, 256)
    line = "7 " + " ".join(f"{i}:{v:.6f}" for i, v in enumerate(values, 1))
    (tmp_path / "usps.bz2").write_bytes(bz2.compress(f"{line}\n{line}\n".encode()))
    data = datasets.USPS(tmp_path)
    assert data.targets == [6, 6]
    assert (data.data.shape, data.data[0, 0, 0], data.data[1, -1, -1]) == ((2, 16, 16), 0, 255)
    (tmp_path / "usps.t.bz2").write_bytes(bz2.compress(b"7 1:0.5\n"))
    with pytest.raises(FileFormatError, match="is no file of USPS"):
        datasets.USPS(tmp_path, train=False)


def test_fake_data_is_the_same_each_time():
    data = datasets.FakeData(3, (1, 4, 5), num_classes=4, transform=T.ToTensor())
    assert len(data) == 3
    assert data[0][0].shape == (1, 4, 5)
    assert data[1][0].tolist() == data[1][0].tolist() != data[2][0].tolist()
    assert (
        datasets.FakeData(3, (1, 4, 5), random_offset=1, transform=T.ToTensor())[0][0].tolist() == data[1][0].tolist()
    )
    with pytest.raises(IndexRangeError):
        data[3]
    assert repr(datasets.FakeData(3)) == "Dataset FakeData\n    Number of datapoints: 3"


def test_the_base_takes_transforms_together_or_apart(tmp_path):
    base = datasets.VisionDataset(str(tmp_path), transform=T.ToTensor())
    assert repr(base.transforms) == "StandardTransform\nTransform: ToTensor()"
    with pytest.raises(ArgumentError, match="give one or the others"):
        datasets.VisionDataset(transforms=lambda x, y: (x, y), transform=str)
    with pytest.raises(NotImplementedError):
        base[0]
    for kind in (datasets.MNIST, datasets.CIFAR10, datasets.ImageFolder, datasets.FakeData):
        assert issubclass(kind, datasets.VisionDataset)
