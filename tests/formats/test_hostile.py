"""Files that were made to do harm: nothing that they name runs, and time and memory stay bounded."""

import contextlib
import io
import json
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import pytest

import tapegrad as tg
from tapegrad import formats
from tapegrad.errors import FileFormatError
from tapegrad.formats import machine

from .hostile import archive, stream

PROTO = b"\x80\x02"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
ORDERED = b"ccollections\nOrderedDict\n"


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value):
    return pickle.dumps(value, 2)[2:-1]


def storage(count=4, key="0", kind="FloatStorage", module="torch"):
    parts = [text("storage"), f"c{module}\n{kind}\n".encode(), text(key), text("cpu"), number(count)]
    return b"(" + b"".join(parts) + b"tQ"


def tensor(offset=0, size=(4,), stride=(1,), grad=False, **where):
    places = number(offset) + number(size) + number(stride)
    return TENSOR + b"(" + storage(**where) + places + (b"\x88" if grad else b"\x89") + ORDERED + b")RtR"


def load(pickled, storages=(bytes(16),)):
    return tg.load(io.BytesIO(archive(pickled, storages)))


def refused(pickled, said, storages=(bytes(16),)):
    with pytest.raises(FileFormatError, match=said) as caught:
        load(pickled, storages)
    assert isinstance(caught.value, pickle.UnpicklingError)
    assert len(str(caught.value)) < 1000


def test_the_parts_make_a_file_that_loads():
    assert load(PROTO + tensor(1, (2,), (2,)) + b".").tolist() == [0, 0]


CALLS = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("builtins", "eval"),
    ("builtins", "exec"), ("builtins", "getattr"), ("builtins", "__import__"), ("builtins", "open"), ("builtins", "print"),
    ("__builtin__", "eval"), ("__builtin__", "apply"), ("builtins", "eval.__call__"), ("builtins", "complex.__class__"),
    ("importlib", "import_module"), ("runpy", "run_path"), ("functools", "partial"), ("operator", "attrgetter"),
    ("operator", "methodcaller"), ("types", "FunctionType"), ("codecs", "decode"), ("pickle", "loads"), ("shutil", "rmtree"),
    ("socket", "create_connection"), ("webbrowser", "open"), ("pty", "spawn"), ("timeit", "timeit"), ("cProfile", "run"),
    ("numpy", "load"), ("numpy.f2py.crackfortran", "getlincoef"), ("numpy.testing._private.utils", "runstring"),
    ("torch", "load"), ("torch.storage", "_load_from_bytes"), ("torch.hub", "load"), ("torch.jit", "load"),
    ("torch._utils", "_import_dotted_name"), ("torch._utils", "_rebuild_wrapper_subclass"), ("torch._C", "_import"),
    ("torch._dynamo.guards.GuardBuilder", "get"), ("tapegrad", "load"), ("tapegrad.formats.serialization", "load"),
    ("tapegrad.core.tensor", "_restore"), ("copyreg", "_reconstructor"), ("collections", "namedtuple"),
    ("torch", "Size.__new__"), ("collections", "OrderedDict.fromkeys"), ("", ""), (".", "."), ("torch", "_utils._rebuild_tensor_v2.x"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), CALLS)
def test_names_are_refused_before_anything_happens(module, name):
    named = f"{module}.{name}".replace("\\", r"\\")
    call = f"c{module}\n{name}\n".encode() + text("touch /tmp/executed") + b"\x85R."
    refused(PROTO + call, "asks for " if not module.strip(".") else f"asks for {named}, which")
    refused(b"\x80\x04" + text(module) + text(name) + b"\x93" + text("x") + b"\x85R.", "asks for ")


def test_names_are_refused_in_old_files_too():
    with pytest.raises(FileFormatError, match=r"asks for os\.system"):
        tg.load(io.BytesIO(stream(PROTO + b"cos\nsystem\n" + text("true") + b"\x85R.", [])))
    with pytest.raises(FileFormatError, match=r"asks for os\.system"):
        tg.load(io.BytesIO(PROTO + b"cos\nsystem\n" + text("true") + b"\x85R."))


def test_nothing_is_imported():
    """A module that would show that it was imported."""
    code = """
import sys, io, tapegrad as tg
sys.path.insert(0, sys.argv[1])
tg.load  # with the rooms that it needs
file = io.BytesIO(bytes.fromhex(sys.argv[2]))
try:
    tg.load(file)
except tg.errors.FileFormatError as error:
    print("refused" if "trap.spring" in str(error) else error, "trap" in sys.modules)
"""
    pickled = PROTO + b"ctrap\nspring\n)R."
    run = [sys.executable, "-c", code, ".", archive(pickled).hex()]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "refused False\n"


@pytest.mark.parametrize("instruction", [
    b"(ios\nsystem\n", b"(cos\nsystem\no", b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00", b"Px\n", b"I01\n",
    b"L1L\n", b"F1.0\n", b"S'x'\n", b"Vx\n", b"g0\n", b"p0\n", b"d", b"l", b"\x92", b"\x97", b"\x98", b"\xff", b"\x00",
])  # fmt: skip
def test_other_instructions_are_refused(instruction):
    refused(PROTO + b"(" + instruction + b"t.", "has the instruction|asks for")


STATES = {
    "class of an OrderedDict": ORDERED + b")R}" + text("__class__") + number(1) + b"sb",
    "method of an OrderedDict": ORDERED + b")R}" + text("items") + number(1) + b"sb",
    "number as an attribute": ORDERED + b")R}" + number(1) + number(1) + b"sb",
    "list as a state": ORDERED + b")R]b",
    "state of a dictionary": b"}}b",
    "state of a list": b"]}b",
    "state of a tensor": tensor() + b"}b",
    "state of a function": TENSOR + b"}b",
    "state of a class": ORDERED + b"}b",
    "method of a tensor": b"ctorch._tensor\n_rebuild_from_type_v2\n(" + TENSOR + b"ctorch\nTensor\n("
    + storage() + b"K\x00" + number((4,)) + number((1,)) + b"\x89" + ORDERED + b")Rt}" + text("backward") + b"K\x01stR",
}  # fmt: skip


@pytest.mark.parametrize("pickled", STATES.values(), ids=STATES)
def test_states_change_nothing_but_plain_attributes(pickled):
    refused(PROTO + pickled + b".", "has already|a state|is given")


NONSENSE = {
    "empty": b"", "no stop": b"N", "stop alone": b".", "pop of nothing": b"0.", "mark that is missing": b"t.",
    "memo that is missing": b"h\x05.", "tuple of too few": b"N\x87.", "append to a tuple": b")Na.", "items of a list": b"]NNs.",
    "key without value": b"}(Nu.", "list as a key": b"}]Ns.", "dictionary as a key": b"}}Ns.", "add to a list": b"](N\x90.",
    "call of text": text("x") + b")R.", "call of a dtype": b"ctorch\nfloat32\n)R.", "call without a tuple": ORDERED + b"]R.",
    "global alone": TENSOR + b".", "class alone": b"ctorch\nTensor\n.", "type alone": b"c__builtin__\nlist\n.",
    "storage alone": storage() + b".", "persistent id of text": text("storage") + b"Q.", "name without end": b"cos",
    "name that is not text": b"\x80\x04NN\x93.", "protocol 9": b"\x80\x09N.", "text that is not UTF-8": b"X\x02\x00\x00\x00\xff\xfe.",
}  # fmt: skip


@pytest.mark.parametrize("pickled", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused(pickled):
    refused(pickled, ".")


# -- memory and time --------------------------------------------------------------------------------------------------

CLAIMS = {
    "LONG4": b"\x8b" + struct.pack("<i", 2**31 - 1), "LONG4 below zero": b"\x8b" + struct.pack("<i", -1),
    "LONG4 of a million digits": b"\x8b" + struct.pack("<I", 400_000) + b"\x01" * 400_000,
    "BINUNICODE": b"X\xff\xff\xff\xff", "BINUNICODE8": b"\x8d" + b"\xff" * 8, "BINBYTES": b"B\xff\xff\xff\xff",
    "BINBYTES8": b"\x8e" + b"\xff" * 7 + b"\x7f", "BYTEARRAY8": b"\x96" + b"\xff" * 8, "BINSTRING": b"T\xff\xff\xff\x7f",
    "bytearray by length": b"c__builtin__\nbytearray\n" + number(10**12) + b"\x85R",
    "bytes by length": b"c__builtin__\nbytes\n" + number(10**12) + b"\x85R",
    "set of a range": b"c__builtin__\nset\nc__builtin__\nxrange\n" + number(10**12) + b"\x85R\x85R",
    "size of a range": b"ctorch\nSize\nc__builtin__\nxrange\n" + number(10**12) + b"\x85R\x85R",
    "counter of a range": b"ccollections\nCounter\nc__builtin__\nxrange\n" + number(10**12) + b"\x85R\x85R",
    "sets without end": b"\x8f" * 150_000, "marks without end": b"(" * 250_000,
    "dictionaries without end": b"q\x00".join([ORDERED, b"h\x00)R" * 1_000_000]),
    "the same list made a set": b"](" + b"".join(number(i) for i in range(5000)) + b"e\x85q\x000c__builtin__\nset\nq\x01"
    + b"h\x01h\x00R0" * 5_000,
    "the same text encoded": text("x" * 50_000) + text("latin1") + b"\x86q\x000c_codecs\nencode\nq\x01" + b"h\x01h\x00R" * 2000,
    "the same tensor": TENSOR + b"q\x00(" + storage() + b"K\x00" + number((4,)) + number((1,)) + b"\x89" + ORDERED + b")Rtq\x01"
    + b"h\x00h\x01R" * 100_000,
    "numpy's array by shape": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + number((0,)) + text("b") + b"tR("
    + b"K\x01" + number((1 << 40, 1 << 40)) + b"cnumpy\ndtype\n(" + text("f8") + b"K\x00K\x01tR\x89" + b"\x80\x03C\x00tb",
    "numpy's type of objects": b"cnumpy\ndtype\n(" + text("O") + b"K\x00K\x01tR",
    "numpy's type with parts": b"cnumpy\ndtype\n(" + text("f8,O") + b"K\x00K\x01tR",
}  # fmt: skip


@pytest.mark.parametrize("pickled", CLAIMS.values(), ids=CLAIMS)
def test_claims_are_refused_before_memory_is_taken(pickled, monkeypatch):
    """With a budget of 8 MiB besides the pickle's own, so that little has to be written to go beyond it."""
    monkeypatch.setattr(machine, "_BUDGET", 8 << 20)
    content = archive(PROTO + pickled + b".", [bytes(16)])
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError):
            tg.load(io.BytesIO(content))
        assert tracemalloc.get_traced_memory()[1] < (16 << 20) + machine._BUDGET_PER_BYTE * len(content)
    finally:
        tracemalloc.stop()


def test_many_objects_of_few_bytes_reach_the_limit(monkeypatch):
    monkeypatch.setattr(machine, "_BUDGET", 8 << 20)
    refused(PROTO + b"]" + b"\x8f0" * 500_000 + b".", "describes far more objects")


@pytest.mark.parametrize("deepen", [b"\x85", b"]q\x00(h\x00", b"(]"], ids=["tuples", "lists", "marks"])
def test_deep_nesting_is_refused(deepen):
    pickled = {b"\x85": b")" + b"\x85" * 100_000, b"(]": b"(" * 100_000 + b"t" * 100_000}.get(
        deepen, b"]" * 100_000 + b"a" * 99_999
    )
    refused(PROTO + pickled + b".", "nested more than")


def test_shared_nesting_stays_small():
    """Sixty tuples that each hold the one before twice: 2**60 paths, of which none is walked twice."""
    doubled = b")" + b"2\x86" * 60
    value = load(PROTO + doubled + b".")
    assert len(value) == 2
    refused(PROTO + b"}" + doubled + b"Ns.", "many parts")
    refused(PROTO + b"ctorch\nSize\n" + doubled + b"\x85R.", "Size")


@pytest.mark.parametrize("make", [lambda i: i * (2**61 - 1), lambda i: (i * (2**61 - 1), 0)], ids=["numbers", "tuples"])
def test_keys_that_collide_are_refused(make):
    keys = [make(i) for i in range(2, 5_002)]
    refused(pickle.dumps(dict.fromkeys(keys), 2), "make a dictionary slow")
    refused(pickle.dumps(set(keys[:600]), 2), "make it slow")
    refused(pickle.dumps(set(keys[:600]), 4), "make a dictionary slow")


def test_many_honest_keys_are_fine():
    obj = {**{(i, -i): i for i in range(5000)}, **dict.fromkeys(range(5000)), **{2.0**i: i for i in range(200)}}
    assert load(pickle.dumps(obj, 2)) == obj


# -- storages ---------------------------------------------------------------------------------------------------------

PLACES = {
    "offset beyond": {"offset": 4, "size": (1,)}, "offset below": {"offset": -1}, "size beyond": {"size": (5,)},
    "size below": {"size": (-1,)}, "stride beyond": {"size": (2,), "stride": (4,)}, "stride below": {"stride": (-1,)},
    "stride missing": {"size": (2, 2), "stride": (1,)}, "large size": {"size": (2**62,), "stride": (0,)},
    "large product": {"size": (2**40, 2**40), "stride": (0, 0)}, "large stride": {"size": (2,), "stride": (2**61,)},
    "large offset": {"offset": 2**61}, "size with zero": {"size": (0, 2**61, 2**61), "stride": (1, 1, 1)},
    "65 dimensions": {"size": (1,) * 65, "stride": (1,) * 65}, "size of text": {"size": ("4",)}, "size of truth": {"size": (True,)},
    "claim beyond": {"count": 5}, "claim below": {"count": -4}, "claim of nothing": {"count": 0}, "large claim": {"count": 2**60},
    "other storage": {"key": "1"}, "storage by path": {"key": "../data.pkl"}, "storage of 8 bytes": {"kind": "DoubleStorage"},
    "gradient of integers": {"kind": "IntStorage", "grad": True}, "storage of no kind": {"kind": "Size"},
    "storage without type": {"kind": "UntypedStorage", "module": "torch.storage", "count": 16},
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_views_outside_their_storage_are_refused(place):
    refused(PROTO + tensor(**place) + b".", ".")


def test_one_storage_of_two_kinds_is_refused():
    refused(PROTO + tensor() + tensor(kind="IntStorage") + b"\x86.", "is read as 4 of int32")


def test_large_views_of_little_memory_take_little():
    assert load(PROTO + tensor(size=(2**40,), stride=(0,)) + b".").numel() == 2**40
    assert load(PROTO + tensor(size=(1,), stride=(2**61,)) + b".").tolist() == [0]


def test_booleans_of_other_values_are_refused():
    pickled = PROTO + tensor(kind="BoolStorage", count=4) + b"."
    refused(pickled, "other than 0 and 1", [b"\x00\x01\x02\x00"])


def test_claims_of_old_files_are_held_against_their_size():
    for count in (2**40, 5):
        with pytest.raises(FileFormatError):
            tg.load(io.BytesIO(stream(PROTO + tensor(count=count) + b".", [bytes(16)])))


# -- archives ---------------------------------------------------------------------------------------------------------


def zipped(entries, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, content in entries:
            opened.writestr(name, content)
    return file.getvalue()


def archive_refused(content, said):
    with pytest.raises(FileFormatError, match=said):
        tg.load(io.BytesIO(content))


def test_zip_bombs_are_refused_unopened():
    archive_refused(zipped([("a/data.pkl", PROTO + b"N" * 10_000_000 + b".")], zipfile.ZIP_DEFLATED), "is compressed")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entries_are_unlike_and_apart():
    good = PROTO + b"N."
    archive_refused(zipped([("a/data.pkl", good), ("a/data.pkl", b"")]), "twice")
    archive_refused(zipped([("a/data.pkl", good), ("b/version", b"3")]), "more than one folder")
    archive_refused(zipped([("data.pkl", good)]), "has no data.pkl")
    archive_refused(zipped([("a/version", b"3")]), "has no data.pkl")
    archive_refused(zipped([("a/data.pkl", good), ("a/byteorder", b"middle")]), "byte order .*middle")
    assert tg.load(io.BytesIO(zipped([("a/data.pkl", good), ("a/../../../etc/passwd", b"x")]))) is None


def test_entries_that_overlap_are_refused():
    content = bytearray(archive(PROTO + tensor() + tensor(key="1") + b"\x86.", [bytes(16), bytes(range(16))]))
    first, second = content.index(b"archive/data/0"), content.index(b"archive/data/1")
    central = content.rindex(b"PK\x01\x02", 0, content.rindex(b"archive/data/1"))
    struct.pack_into("<I", content, central + 42, first - 30)
    archive_refused(bytes(content), "contradict")
    content[first : first + 14] = content[second : second + 14]
    archive_refused(bytes(content), "overlap|contradict")


@pytest.mark.parametrize(("field", "value"), [(8, 1), (10, 8), (20, 2**31), (24, 2**31), (42, 2**31), (42, 1)])
def test_headers_that_lie_are_refused(field, value):
    content = bytearray(archive(PROTO + tensor() + b".", [bytes(16)]))
    central = content.rindex(b"PK\x01\x02", 0, content.rindex(b"archive/data/0"))
    struct.pack_into("<I" if field > 10 else "<H", content, central + field, value)
    archive_refused(bytes(content), ".")


def test_damaged_data_is_found_by_its_checksum():
    content = bytearray(archive(PROTO + tensor() + b".", [bytes(range(16))]))
    content[content.index(bytes(range(16))) + 3] ^= 1
    archive_refused(bytes(content), "checksum of data/0 is wrong")


def test_every_truncation_is_refused():
    for content in (archive(PROTO + tensor() + b".", [bytes(16)]), stream(PROTO + tensor() + b".", [bytes(16)])):
        for length in range(len(content)):
            with pytest.raises(FileFormatError):
                tg.load(io.BytesIO(content[:length]))


def test_every_flipped_byte_is_refused_or_harmless():
    content = archive(PROTO + tensor() + b".", [bytes(range(16))])
    expected = tg.load(io.BytesIO(content)).tolist()
    for at in range(len(content)):
        broken = bytearray(content)
        broken[at] ^= 0xFF
        with contextlib.suppress(FileFormatError):
            assert tg.load(io.BytesIO(bytes(broken))).tolist() == expected


# -- the other formats ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["../x.safetensors", "/etc/x.safetensors", "a/x.safetensors", "x.pt", "", 3, None, "..\\x.safetensors"]
)
def test_indexes_name_files_beside_them(tmp_path, place):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": place}}))
    with pytest.raises(FileFormatError, match="places 'a' in"):
        formats.load_sharded(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"weight_map": {}}', b"[" * 100_000, b"\xff", b'{"weight_map": 1}']
)
def test_damaged_indexes_are_refused(tmp_path, content):
    (tmp_path / "m.index.json").write_bytes(content)
    with pytest.raises(FileFormatError):
        tg.load(tmp_path / "m.index.json")


# -- many mutants -----------------------------------------------------------------------------------------------------


def test_mutants_are_refused_or_loaded():
    """A thousand; ``tests/slow/test_hostile_files.py`` runs many more."""
    run = [sys.executable, "-m", "tests.formats.hostile", "1", "1000"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["loaded"] + result["refused"] == 1000
    assert result["refused"] > 500
    assert result["forbidden"] == []
    assert result["slowest_s"] < 5
    assert result["grown_mib"] < 512
