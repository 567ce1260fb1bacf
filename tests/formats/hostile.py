"""Damaged and hostile files, made from fixed seeds, and a judge that loads them under limits.

``python -m tests.formats.hostile SEED COUNT`` prints what became of so many files as JSON.
"""

import io
import json
import pathlib
import pickle
import random
import struct
import sys
import tempfile
import time
import zipfile
from collections import OrderedDict

import numpy as np

import tapegrad as tg
from tapegrad import formats
from tapegrad.errors import FileFormatError
from tapegrad.formats.archive import write_archive

MEMORY_LIMIT = 1 << 30
SECONDS_LIMIT = 5.0
# What loading must never do. Names of audit events: https://docs.python.org/3/library/audit_events.html
FORBIDDEN = ("exec", "import", "os.", "subprocess.", "socket.", "pickle.find_class", "shutil.", "ctypes.")


# -- files that are whole ---------------------------------------------------------------------------------------------


def archive(pickled, storages=(), **more):
    """A file as torch.save makes it, around any pickle; checksums are right."""
    file = io.BytesIO()
    entries = {"data.pkl": pickled, "byteorder": b"little", **more, "version": b"3\n"}
    write_archive(file, "archive", [*entries.items(), *((f"data/{i}", data) for i, data in enumerate(storages))])
    return file.getvalue()


def parts(content):
    """The pickle and the storages of a file."""
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        names = sorted((n for n in opened.namelist() if "/data/" in n), key=lambda n: int(n.rpartition("/")[2]))
        return opened.read("archive/data.pkl"), [opened.read(n) for n in names]


def stream(pickled, storages, items=4):
    """A file as PyTorch before version 1.6 made it."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    begin = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, machine)]
    keys = pickle.dumps([str(i) for i in range(len(storages))], 2)
    data = [struct.pack("<q", len(s) // items) + s for s in storages]
    return b"".join([*begin, pickled, keys, *data])


def bases():
    """Small files of each kind, by ending."""
    rng = np.random.default_rng(0)
    x = tg.from_numpy(rng.standard_normal((4, 6)).astype(np.float32))
    flags = tg.tensor([True, False, True])
    many = {
        "views": [x, x.t(), x[1:, ::2]],
        "parameter": tg.nn.Parameter(x[0].clone()),
        "all": [tg.zeros(2, dtype=d) for d in (tg.float64, tg.float16, tg.int64, tg.int8, tg.complex64, tg.uint16)],
        "flags": flags,
        "values": (1, 2**40, 2**80, 1.5, 1j, None, True, "text", b"bytes", {1, 2}, tg.float32, x.shape),
        "arrays": [np.arange(3), np.float32(2)],
    }
    net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.BatchNorm1d(4))
    optimizer = tg.optim.Adam(net.parameters())
    net(tg.ones(2, 3)).sum().backward()
    optimizer.step()
    found = []
    for obj in (many, OrderedDict(net.state_dict()), {"net": net.state_dict(), "optimizer": optimizer.state_dict()}):
        file = io.BytesIO()
        tg.save(obj, file)
        found.append((".pt", file.getvalue()))
    floats = io.BytesIO()
    tg.save({"a": x, "b": [x[0], tg.ones(3)]}, floats)
    found.append((".pth", stream(*parts(floats.getvalue()))))
    with tempfile.TemporaryDirectory() as folder:
        for ending in (".safetensors", ".npz"):
            path = pathlib.Path(folder) / f"x{ending}"
            tg.save({"x": x, "flags": flags, "n": tg.arange(5)}, path)
            found.append((ending, path.read_bytes()))
    index = {"metadata": {"total_size": 4}, "weight_map": {"a": "model-00001-of-00001.safetensors"}}
    found.append((".json", json.dumps(index).encode()))
    return found


# -- damage -----------------------------------------------------------------------------------------------------------

NAMES = [
    b"os\nsystem\n", b"builtins\neval\n", b"torch._utils\n_rebuild_tensor_v2\n", b"torch\nFloatStorage\n",
    b"collections\nOrderedDict\n", b"torch\nSize\n", b"builtins\nset\n", b"builtins\nbytearray\n",
    b"numpy\nndarray\n", b"numpy\ndtype\n", b"numpy._core.multiarray\n_reconstruct\n", b"torch\nfloat32\n",
    b"_codecs\nencode\n", b"torch._tensor\n_rebuild_from_type_v2\n", b"torch._utils\n_rebuild_tensor_v3\n",
    b"builtins\nslice\n", b"builtins\nrange\n", b"collections\ndefaultdict\n", b"torch\ndevice\n", b"torch\nTensor\n",
    b"torch.storage\nUntypedStorage\n", b"torch._utils\n_rebuild_parameter\n", b"collections\nCounter\n",
]  # fmt: skip
EXTREMES = [
    b"\x00" * 4,
    b"\xff" * 4,
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"\xff" * 8,
    b"\x00" * 8,
    b"\xff" * 7 + b"\x7f",
]


def damage(rng, content):
    """Change bytes at random: bits, cuts, copies, extreme numbers."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        if not data:
            break
        at = rng.randrange(len(data))
        kind = rng.randrange(8)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.randrange(256)
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + rng.randrange(1, 64)]
        elif kind == 4:
            data[at:at] = data[rng.randrange(len(data)) :][: rng.randrange(1, 64)]
        elif kind == 5:
            extreme = rng.choice(EXTREMES)
            data[at : at + len(extreme)] = extreme
        elif kind == 6:
            data[at:at] = rng.choice(NAMES)
        else:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 16)))
    return bytes(data)


def program(rng):
    """A pickle of random instructions that are well formed one by one."""
    out = [b"\x80\x02"]
    for _ in range(rng.randrange(4, 120)):
        kind = rng.randrange(10)
        if kind < 2:
            out.append(b"c" + rng.choice(NAMES))
        elif kind < 5:
            out.append(rng.choice([b"N", b"\x88", b")", b"]", b"}", b"\x8f", b"(", b"K\x03", b"J\xff\xff\xff\xff"]))
        elif kind < 6:
            text = rng.choice([b"storage", b"0", b"cpu", b"latin1", b"f4", b"a", b"x" * 50])
            out.append(b"X" + struct.pack("<I", len(text)) + text)
        elif kind < 7:
            out.append(rng.choice([b"q", b"h"]) + bytes([rng.randrange(6)]))
        else:
            out.append(bytes([rng.choice(b"tRbsuaeQ2\x85\x86\x87\x81\x90\x91\x94")]))
    return b"".join(out) + b"."


def mutants(seed, count):
    """So many damaged files: their ending and content."""
    rng = random.Random(seed)
    whole = bases()
    for i in range(count):
        ending, content = whole[i % len(whole)]
        if ending == ".pt" and i % 3 == 0:  # behind correct checksums, so that the pickle itself is met
            pickled, storages = parts(content)
            yield ending, archive(damage(rng, pickled), storages)
        elif ending == ".pt" and i % 7 == 0:
            yield ending, archive(program(rng), [bytes(64)])
        elif ending == ".pth" and i % 5 == 0:
            yield ending, stream(program(rng), [bytes(64)])
        else:
            yield ending, damage(rng, content)


# -- the judge --------------------------------------------------------------------------------------------------------


def touch(value, seen):
    """Look at all memory that a loaded object sees."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, tg.Tensor):
        if value.numel() <= 1 << 20:
            value.array.tobytes()
    elif isinstance(value, np.ndarray):
        value.tobytes()
    elif isinstance(value, dict):
        for part in value.values():
            touch(part, seen)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for part in value:
            touch(part, seen)


def judge(path):
    """Return "loaded", or "refused" for a FileFormatError; every other exception leaves."""
    try:
        touch(tg.load(path), set())
        return "loaded"
    except FileFormatError as error:
        return "refused" if len(str(error)) < 2000 else "refused at length"


def main(seed, count):
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT + virtual_memory(),) * 2)
    seen: list[str] = []
    watching = [False]

    def audit(event, args):
        writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
        if watching[0] and (event.startswith(FORBIDDEN) or writes):
            seen.append(f"{event} {args!r}"[:200])

    totals = {"loaded": 0, "refused": 0}
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        formats.save_file({"a": tg.ones(1)}, f"{folder}/model-00001-of-00001.safetensors")
        for ending, content in bases():  # all modules that loading itself needs are imported after this
            path = pathlib.Path(folder) / f"model{ending}"
            path.write_bytes(content)
            assert judge(path) == "loaded", ending
        sys.addaudithook(audit)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number, (ending, content) in enumerate(mutants(seed, count)):
            start = time.process_time()
            path = pathlib.Path(folder) / f"model{ending}"
            path.write_bytes(content)
            watching[0] = True
            try:
                totals[judge(path)] += 1
            except BaseException as error:
                raise AssertionError(f"file {number} of seed {seed} ({ending}): {error!r}") from error
            finally:
                watching[0] = False
            slowest = max(slowest, time.process_time() - start)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({**totals, "slowest_s": round(slowest, 3), "grown_mib": grown >> 10, "forbidden": seen[:5]}))


def virtual_memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * 4096


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
