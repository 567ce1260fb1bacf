"""PyTorch's files in both directions: what torch.save writes is read bit for bit, and torch.load opens what is written."""

import collections
import io
import pathlib
import pickle
import sys
import zipfile

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import formats, nn, optim
from tapegrad.core import wrap
from tapegrad.errors import ArgumentError, DTypeError, FileFormatError, UsageError

torch = pytest.importorskip("torch")

PROTOCOLS = [
    {},
    {"pickle_protocol": 3},
    {"pickle_protocol": 4},
    {"pickle_protocol": 5},
    {"_use_new_zipfile_serialization": False},
]
DTYPES = [
    "float64",
    "float32",
    "float16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "complex64",
    "complex128",
]
LATE_DTYPES = ["uint16", "uint32", "uint64"]


def from_torch(obj, **options):
    file = io.BytesIO()
    torch.save(obj, file, **options)
    file.seek(0)
    return tg.load(file)


def to_torch(obj, weights_only=True, **options):
    file = io.BytesIO()
    tg.save(obj, file, **options)
    file.seek(0)
    return torch.load(file, weights_only=weights_only)


def there_and_back(obj, **options):
    file = io.BytesIO()
    tg.save(obj, file)
    file.seek(0)
    return tg.load(file, **options)


def same_bits(ours, theirs):
    theirs = theirs.detach().resolve_conj().resolve_neg()
    assert str(theirs.dtype) == f"torch.{ours.dtype}"
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert ours.stride() == theirs.stride()
    assert ours.array.tobytes() == theirs.numpy().tobytes()


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", PROTOCOLS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES + LATE_DTYPES)
def test_tensors_of_every_dtype_are_read_bit_for_bit(dtype, options):
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 256, 64, dtype=np.uint8) & 1).to(getattr(torch, dtype))
    tensors = {"whole": x, "matrix": x.reshape(8, 8).t(), "part": x[5:60:3], "one": x[3], "none": x[:0].reshape(0, 4)}
    for name, tensor in from_torch(tensors, **options).items():
        if tensor.numel():
            same_bits(tensor, tensors[name])
        assert tensor.shape == tensors[name].shape


def test_special_floats_keep_their_bits():
    bits = np.array([0x7FC00001, 0xFF800000, 0x80000000, 1], np.uint32).view(np.float32)
    loaded = from_torch(torch.from_numpy(bits.copy()))
    assert loaded.array.tobytes() == bits.tobytes()


@pytest.mark.parametrize("options", PROTOCOLS, ids=str)
def test_containers_and_values(options):
    obj = {
        "numbers": [1, -1, 255, 256, 65536, 2**31, -(2**31), 2**70, -(2**80), 1.5, float("inf"), 1j, True, False, None],
        "text": ("", "ä€𝄞", "x" * 300, b"", b"\x00\xff", b"y" * 300, bytearray(b"z\xfe")),
        "sets": ({1, "a"}, frozenset([2.5]), set()),
        "nested": collections.OrderedDict([((1, "k"), [{}, [], ()]), (None, {"deep": [[[1]]]})]),
        "default": collections.defaultdict(list, {"a": [1]}),
        "counts": collections.Counter("aab"),
        "places": (slice(1, None, 2), range(2, 9, 3)),
        2**65: "large key",
    }
    loaded = from_torch(obj, **options)
    assert loaded == obj
    assert loaded["default"].default_factory is list
    assert type(loaded["nested"]) is collections.OrderedDict
    assert type(loaded["counts"]) is collections.Counter


def test_names_of_torch_become_those_here():
    loaded = from_torch([torch.Size([2, 3]), torch.float32, torch.int64, torch.device("cpu"), torch.device("cuda:1")])
    assert isinstance(loaded[0], type(tg.ones(1).shape))
    assert loaded == [(2, 3), tg.float32, tg.int64, tg.device("cpu"), tg.device("cuda:1")]


def test_shared_memory_is_shared_again():
    x = torch.arange(12.0).reshape(3, 4)
    a, b, c = from_torch([x, x.t(), x[1]])
    a[1, 2] = 100
    assert float(b[2, 1]) == float(c[2]) == 100
    assert a.memory is b.memory


def test_the_same_object_is_the_same_again():
    x, inner = torch.ones(2), [1]
    loaded = from_torch([x, x, inner, inner])
    assert loaded[0] is loaded[1]
    assert loaded[2] is loaded[3]


def test_a_list_that_holds_itself():
    loop: list = [1]
    loop.append(loop)
    loaded = from_torch(loop)
    assert loaded[1] is loaded


def test_gradients_and_parameters():
    p = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    loaded = from_torch([torch.ones(2, requires_grad=True), p, torch.nn.Parameter(torch.ones(2)), torch.ones(2)])
    assert [t.requires_grad for t in loaded] == [True, False, True, False]
    assert [type(t) for t in loaded] == [tg.Tensor, nn.Parameter, nn.Parameter, tg.Tensor]


def test_attributes_of_tensors():
    t, p = torch.ones(2), torch.nn.Parameter(torch.ones(2))
    t.note, p.note = [3], "here"
    loaded = from_torch([t, p])
    assert (loaded[0].note, loaded[1].note) == ([3], "here")
    assert isinstance(loaded[1], nn.Parameter)


def test_conjugated_and_negated_views():
    z = torch.tensor([1 + 2j, 3 - 1j])
    views = [z.conj(), z.conj()[1:], z, torch.tensor([5 + 6j]).conj().imag]
    for ours, theirs in zip(from_torch(views), views, strict=True):
        assert np.array_equal(ours.array, theirs.resolve_conj().resolve_neg().numpy())


def test_bfloat16_becomes_float32_with_the_same_values():
    x = torch.tensor([1.0, -2.5, 3.140625, float("inf")], dtype=torch.bfloat16)
    whole, part = from_torch([x, x[1:3]])
    assert whole.dtype == tg.float32
    assert whole.tolist() == x.tolist()
    assert part.tolist() == x[1:3].tolist()
    whole[1] = 7
    assert float(part[0]) == 7


@pytest.mark.parametrize("options", PROTOCOLS, ids=str)
def test_numpy_arrays_and_numbers(options):
    arrays = [
        np.arange(6.0).reshape(2, 3),
        np.arange(6, dtype=np.int8).reshape(2, 3).T,
        np.zeros((0, 2)),
        np.array(3.5),
    ]
    numbers = [np.float32(2.5), np.int64(-3), np.bool_(True), np.complex128(1j)]
    loaded = from_torch([arrays, numbers], **options)
    for ours, theirs in zip([*loaded[0], *loaded[1]], [*arrays, *numbers], strict=True):
        assert type(ours) is type(theirs)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)


def test_a_state_dict_loads_into_a_module():
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2, bias=False))
    net(torch.randn(8, 3))
    loaded = from_torch(net.state_dict())
    assert loaded._metadata == net.state_dict()._metadata
    ours = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2, bias=False))
    assert str(ours.load_state_dict(loaded)) == "<All keys matched successfully>"
    x = torch.randn(5, 3)
    expected = net.eval()(x).detach().numpy()
    assert np.allclose(ours.eval()(tg.tensor(x.numpy())).detach().numpy(), expected, atol=1e-6)


def test_an_optimizer_continues_from_torchs_state():
    weights = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    theirs = torch.optim.AdamW([weights], lr=0.1, betas=(0.8, 0.9))
    gradient = torch.tensor([0.5, -1.0, 0.25])
    weights.grad = gradient.clone()
    theirs.step()
    state = from_torch({"weights": weights.detach().clone(), "optimizer": theirs.state_dict()})
    ours = nn.Parameter(state["weights"])
    optimizer = optim.AdamW([ours], lr=1.0)
    optimizer.load_state_dict(state["optimizer"])
    ours.grad = tg.tensor(gradient.numpy())
    optimizer.step()
    weights.grad = gradient.clone()
    theirs.step()
    assert np.allclose(ours.detach().numpy(), weights.detach().numpy(), atol=1e-6)


def test_files_without_checksums():
    torch.serialization.set_crc32_options(False)
    try:
        assert from_torch([torch.ones(3)])[0].tolist() == [1, 1, 1]
    finally:
        torch.serialization.set_crc32_options(True)


def test_another_byte_order(tmp_path):
    path = tmp_path / "big.pt"
    torch.save({"x": torch.tensor([1, 2], dtype=torch.int32)}, path)
    entries = [(n.partition("/")[2], zipfile.ZipFile(path).read(n)) for n in zipfile.ZipFile(path).namelist()]
    swapped = {"byteorder": b"big", "data/0": np.array([1, 2], ">i4").tobytes()}
    with open(path, "wb") as file:
        formats.archive.write_archive(file, "big", [(n, swapped.get(n, data)) for n, data in entries])
    assert torch.load(path)["x"].tolist() == [1, 2]
    assert tg.load(path)["x"].tolist() == [1, 2]


@pytest.mark.parametrize("where", ["cpu", tg.device("cpu"), {"cuda:0": "cpu"}, lambda storage, place: storage, None])
def test_map_location_is_accepted(where):
    assert there_and_back(tg.ones(1), map_location=where).tolist() == [1]


def test_map_location_that_is_none():
    with pytest.raises(UsageError, match="map_location is a float"):
        there_and_back(tg.ones(1), map_location=1.5)
    with pytest.raises(ArgumentError):
        there_and_back(tg.ones(1), map_location="nowhere")


@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_mapped_memory(tmp_path, kind):
    path = kind(tmp_path / "weights.pt")
    x = torch.arange(1000.0)
    torch.save({"x": x, "y": x[::2], "b": torch.tensor([1.5], dtype=torch.bfloat16)}, path)
    before = pathlib.Path(path).read_bytes()
    loaded = tg.load(path, mmap=True)
    same_bits(loaded["x"], x)
    root = loaded["x"].array
    while isinstance(root.base, np.ndarray):
        root = root.base
    assert type(root.base).__name__ == "mmap"
    loaded["x"][0] = -1
    assert float(loaded["y"][0]) == -1
    assert pathlib.Path(path).read_bytes() == before


def test_mapping_needs_a_path_to_an_archive(tmp_path):
    with pytest.raises(UsageError, match="mmap=True wants a path"):
        there_and_back(tg.ones(1), mmap=True)
    torch.save(torch.ones(1), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(FileFormatError, match="only those can be mapped"):
        tg.load(tmp_path / "old.pt", mmap=True)


def test_strings_of_python_2():
    """Old files hold byte strings, whose encoding the caller knows."""
    pickled = b"\x80\x02U\x02\xe4\xb8."
    file = io.BytesIO()
    formats.archive.write_archive(file, "archive", [("data.pkl", pickled), ("version", b"3\n")])
    load = lambda **k: tg.load(io.BytesIO(file.getvalue()), **k)  # noqa: E731
    assert load(encoding="latin1") == "ä¸"
    assert load(encoding="bytes") == b"\xe4\xb8"
    with pytest.raises(FileFormatError, match="encoding='latin1'"):
        load()


# -- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES + LATE_DTYPES)
def test_torch_opens_tensors_of_every_dtype(dtype):
    x = tg.tensor(np.arange(64) & 1, dtype=getattr(tg, dtype))
    tensors = {"whole": x, "matrix": x.reshape(8, 8).t(), "part": x[5:60:3], "one": x[3], "none": x[:0].reshape(0, 4)}
    for name, tensor in to_torch(tensors).items():
        if tensor.numel():
            same_bits(tensors[name], tensor)
        assert tensor.shape == tensors[name].shape


def test_torch_opens_containers_and_values():
    obj = {
        "numbers": [1, -1, 255, 256, 65536, 2**31, -(2**31), 2**70, 1.5, 1j, True, None],
        "text": ("", "ä€𝄞", b"\x00\xff", bytearray(b"z\xfe")),
        "set": {1, "a"},
        "nested": collections.OrderedDict([((1, "k"), [{}, [], ()])]),
        "counts": collections.Counter("aab"),
    }
    assert to_torch(obj) == obj
    assert there_and_back(obj) == obj
    assert to_torch([tg.ones(2, 3).shape, tg.float64, tg.device("cpu")]) == [
        torch.Size([2, 3]),
        torch.float64,
        torch.device("cpu"),
    ]


def test_torch_opens_modules_and_optimizers():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    net(tg.ones(5, 3)).sum().backward()
    optimizer.step()
    loaded = to_torch({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3})
    assert loaded["net"]._metadata == net.state_dict()._metadata
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    assert theirs.load_state_dict(loaded["net"]).missing_keys == []
    for name, tensor in net.state_dict().items():
        same_bits(tensor, theirs.state_dict()[name])
    torch.optim.Adam(theirs.parameters()).load_state_dict(loaded["optimizer"])
    for index, state in optimizer.state_dict()["state"].items():
        same_bits(state["exp_avg"], loaded["optimizer"]["state"][index]["exp_avg"])


def test_torch_sees_gradients_parameters_and_attributes():
    t, p = tg.ones(2), nn.Parameter(tg.ones(2))
    t.note, p.note = [3], "here"
    leaf = tg.ones(2, requires_grad=True)
    loaded = to_torch([t, p, leaf, leaf * 2, nn.Parameter(tg.ones(1), requires_grad=False)])
    assert (loaded[0].note, loaded[1].note) == ([3], "here")
    assert [x.requires_grad for x in loaded] == [False, True, True, True, False]
    assert [type(x) for x in loaded] == [
        torch.Tensor,
        torch.nn.Parameter,
        torch.Tensor,
        torch.Tensor,
        torch.nn.Parameter,
    ]


def storages(file):
    return [i.file_size for i in zipfile.ZipFile(file).infolist() if i.filename.startswith("archive/data/")]


def test_shared_memory_is_written_once():
    x = tg.arange(12.0).reshape(3, 4)
    file = io.BytesIO()
    tg.save([x, x.t(), x[1], nn.Parameter(x)], file)
    assert storages(file) == [48]
    file.seek(0)
    a, b, c, d = torch.load(file)
    a[1, 2] = 100
    assert float(b[2, 1]) == float(c[2]) == float(d.detach()[1, 2]) == 100


def test_only_what_is_seen_is_written():
    """Two parameters that are parts of one large buffer, as optimizers and compiled programs lay them."""
    buffer = np.arange(1000, dtype=np.float32)
    file = io.BytesIO()
    tg.save([tg.from_numpy(buffer)[10:14], tg.from_numpy(buffer)[500:506].reshape(2, 3)], file)
    assert storages(file) == [16, 24]
    file.seek(0)
    assert [t.tolist() for t in torch.load(file)] == [[10, 11, 12, 13], [[500, 501, 502], [503, 504, 505]]]


def test_memory_that_torch_could_not_describe_is_copied():
    backwards = tg.from_numpy(np.arange(6)[::-1])
    overlapping = tg.from_numpy(np.lib.stride_tricks.sliding_window_view(np.arange(5.0), 3))
    field = tg.from_numpy(np.zeros(3, [("a", "<f4"), ("b", "<f4"), ("c", "u1")])["b"])
    imaginary = tg.from_numpy(np.array([1 + 2j, 3 + 4j]).imag)
    for tensor in (backwards, overlapping, field, imaginary):
        assert np.array_equal(to_torch(tensor).numpy(), tensor.array)


def test_loaded_tensors_are_saved_again_with_their_sharing(tmp_path):
    x = torch.arange(12.0).reshape(3, 4)
    torch.save([x, x.t()], tmp_path / "a.pt")
    for mmap in (False, True):
        file = io.BytesIO()
        tg.save(tg.load(tmp_path / "a.pt", mmap=mmap), file)
        assert storages(file) == [48]


def test_data_lies_at_multiples_of_64_and_files_repeat(tmp_path):
    net = nn.Linear(3, 5)
    for name in ("model.pt", "again.pt"):
        tg.save(net.state_dict(), tmp_path / name)
    raw = (tmp_path / "model.pt").read_bytes()
    with zipfile.ZipFile(tmp_path / "model.pt") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        for info in archive.infolist():
            start = info.header_offset + 30 + int.from_bytes(raw[info.header_offset + 26 :][:2], "little")
            start += int.from_bytes(raw[info.header_offset + 28 :][:2], "little")
            assert start % 64 == 0
            assert raw[start : start + info.file_size] == archive.read(info)
    theirs = io.BytesIO()
    torch.save({k: torch.from_numpy(v.numpy()) for k, v in net.state_dict().items()}, theirs)
    expected = [n.replace("archive/", "model/") for n in zipfile.ZipFile(theirs).namelist()]
    assert sorted(names) == sorted(expected)
    again = (tmp_path / "again.pt").read_bytes()
    assert raw.replace(b"model/", b"again/") == again
    assert torch.load(tmp_path / "model.pt", mmap=True)["weight"].tolist() == net.weight.tolist()


def test_archives_beyond_four_gigabytes_are_described_by_long_fields():
    """Without writing so much: the headers for large sizes, against what the zip module reads."""
    end = formats.archive._end(70_000, 5 << 30, 6 << 30)
    assert end[:4] == b"PK\x06\x06"
    entry = formats.archive._central(b"archive/data/0", 5 << 30, 7, 6 << 30)
    info = zipfile.ZipInfo("archive/data/0")
    info.file_size = info.compress_size = info.header_offset = 0xFFFFFFFF
    info.extra = entry[46 + len("archive/data/0") :]
    info._decodeExtra(*([0] if sys.version_info >= (3, 12) else []))
    assert (info.file_size, info.compress_size, info.header_offset) == (5 << 30, 5 << 30, 6 << 30)


def test_higher_protocols_are_written_as_one_that_all_read():
    assert to_torch([b"x", tg.ones(1)], weights_only=False, pickle_protocol=5)[0] == b"x"


def test_numpy_arrays_are_pickled_as_numpy_does():
    obj = [np.float32(2.5), np.arange(3), tg.float32, np.arange(2.0)]
    for loaded in (to_torch(obj, weights_only=False), there_and_back(obj)):
        assert loaded[0] == 2.5
        assert loaded[1].tolist() == [0, 1, 2]
        assert loaded[2] in (torch.float32, tg.float32)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        self.tied = nn.Linear(2, 3)
        self.tied.weight = self.body[0].weight
        self.register_buffer("count", tg.tensor(3))

    def forward(self, x):
        return self.body(x) + self.tied(x).sum()


def test_a_module_as_a_whole(tmp_path):
    net = Net()
    tg.save(net, tmp_path / "net.pt")
    with pytest.raises(FileFormatError, match=r"asks for .*test_checkpoint\.Net"):
        tg.load(tmp_path / "net.pt")
    again = tg.load(tmp_path / "net.pt", weights_only=False)
    x = tg.ones(4, 2)
    assert again(x).tolist() == net(x).tolist()
    assert again.tied.weight is again.body[0].weight
    assert repr(again) == repr(net)


def test_modules_tensors_and_parameters_pickle():
    net, t = Net(), tg.ones(2, requires_grad=True)
    for protocol in range(2, 6):
        again, u, p = pickle.loads(pickle.dumps((net, t, nn.Parameter(t)), protocol))
        assert again(tg.ones(1, 2)).tolist() == net(tg.ones(1, 2)).tolist()
        assert (u.requires_grad, type(p)) == (True, nn.Parameter)


def test_a_module_of_torch_as_a_whole_is_refused():
    file = io.BytesIO()
    torch.save(torch.nn.Linear(2, 2), file)
    for weights_only in (True, False):
        file.seek(0)
        with pytest.raises(FileFormatError, match=r"torch\.nn\.modules\.linear\.Linear"):
            tg.load(file, weights_only=weights_only)


def test_without_restrictions_torchs_tensors_are_read_as_well():
    file = io.BytesIO()
    torch.save({"x": torch.ones(2), "p": torch.nn.Parameter(torch.ones(1)), "d": torch.float32, "o": Plain()}, file)
    file.seek(0)
    loaded = tg.load(file, weights_only=False)
    assert loaded["x"].tolist() == [1, 1]
    assert type(loaded["p"]) is nn.Parameter
    assert loaded["d"] == tg.float32
    assert loaded["o"].value == 3


class Plain:
    def __init__(self):
        self.value = 3


def test_a_class_that_the_user_trusts(monkeypatch):
    monkeypatch.setitem(formats.SAFE_GLOBALS, f"{Plain.__module__}.Plain", Plain)
    assert there_and_back([Plain()])[0].value == 3


# -- places and arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_paths_and_files(tmp_path, kind):
    tg.save([tg.ones(2)], kind(tmp_path / "x.pth"))
    assert tg.load(kind(tmp_path / "x.pth"))[0].tolist() == [1, 1]
    with open(tmp_path / "y.pth", "w+b") as file:
        tg.save([tg.ones(2)], file)
        file.seek(0)
        assert tg.load(file)[0].tolist() == [1, 1]


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.pt"
    tg.save(1, path)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        tg.save([tg.ones(3), lambda: 0], path)
    assert tg.load(path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt"]


@pytest.mark.parametrize("name", ["w.safetensors", "w.npz", "W.NPZ"])
def test_endings_choose_the_format(tmp_path, name):
    state = nn.Linear(2, 3).state_dict()
    tg.save(state, tmp_path / name)
    loaded = tg.load(tmp_path / name)
    assert sorted(loaded) == sorted(state)
    assert all(loaded[k].array.tobytes() == state[k].array.tobytes() for k in state)
    assert not zipfile.is_zipfile(tmp_path / name) or np.load(tmp_path / name)["weight"].shape == (3, 2)
    with pytest.raises(UsageError, match="holds tensors by name"):
        tg.save([1], tmp_path / name)


def test_refused_arguments():
    with pytest.raises(UsageError, match="leave the argument out"):
        tg.save(1, io.BytesIO(), _use_new_zipfile_serialization=False)
    with pytest.raises(UsageError, match="pickle_module"):
        tg.save(1, io.BytesIO(), pickle_module=io)
    with pytest.raises(UsageError, match="'fast'"):
        tg.load(io.BytesIO(), fast=True)
    with pytest.raises(UsageError, match="cannot read from a int"):
        tg.load(3)
    with pytest.raises(UsageError, match="open for text"):
        tg.load(io.StringIO("x"))
    with pytest.raises(DTypeError, match="PyTorch has no tensors"):
        tg.save(wrap(np.zeros(1, np.longdouble)), io.BytesIO())


def test_missing_files_are_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        tg.load(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"hello", "begins with b'hell'"),
        (b"PK\x03\x04 and no more", "damaged archive"),
        (pickle.dumps([1]), "is a pickle, and not one of PyTorch's"),
        (pickle.dumps([1], 0), "begins with"),
    ],
)
def test_files_of_another_kind(content, said):
    with pytest.raises(FileFormatError, match=said) as caught:
        tg.load(io.BytesIO(content))
    assert isinstance(caught.value, pickle.UnpicklingError)
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused_with_the_way_out():
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), file)
    file.seek(0)
    with pytest.raises(FileFormatError, match="TorchScript"):
        tg.load(file)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("make", [
    lambda: torch.ones(2).to(torch.float8_e4m3fn),
    lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    lambda: torch.eye(2).to_sparse(),
    lambda: torch.ones(2, device="meta"),
    lambda: torch.ones(2, dtype=torch.complex32),
])  # fmt: skip
def test_tensors_that_numpy_cannot_hold_are_refused(make):
    with pytest.raises(FileFormatError):
        from_torch([make()])
