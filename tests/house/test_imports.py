"""The house plan, held: who may import whom, and what ``import tapegrad`` loads."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "src" / "tapegrad"

# Lower numbers know nothing of higher ones; rooms of one number know nothing of each other.
LEVELS = {
    "version": 0,
    "names": 3,
    "foreach": 5,
    "switches": 3,
    "blas": 0,
    "errors": 0,
    "array": 1,
    "missing_dtypes": 1,
    "core": 2,
    "ops": 3,
    "autograd": 4,
    "compiler": 4,
    "fft": 4,
    "linalg": 4,
    "random": 4,
    "signal": 4,
    "special": 4,
    "func": 4,
    "sparse": 4,
    "functional": 5,
    "formats": 5,
    "distributions": 6,
    "further": 6,
    "nn": 6,
    "optim": 7,
    "utils": 7,
    "standins": 7.5,
    "vision": 8,
    "train": 9,
    "explain": 9.5,
    "lab": 10,
    "board": 11.5,
    "compat": 11,
    "cli": 12,
}


def room_of(path):
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_rooms(path, source):
    """The rooms that a file imports from, with line numbers."""
    here = ["tapegrad", *path.relative_to(PACKAGE).with_suffix("").parts]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            base = here[: -node.level] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            if module[:1] == ["tapegrad"]:
                names = [module[1]] if len(module) > 1 else [a.name for a in node.names]
                yield from ((name, node.lineno) for name in names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "tapegrad" and len(parts) > 1:
                    yield parts[1], node.lineno


def violations(path, source):
    room = room_of(path)
    if room == "__init__" or room == "__main__":
        return []
    found = []
    for other, line in imported_rooms(path, source):
        if other == room:
            continue
        if other not in LEVELS:
            found.append(f"{path.name}:{line} imports the unknown room '{other}'")
        elif LEVELS[other] >= LEVELS[room]:
            found.append(f"{path.name}:{line} in '{room}' imports '{other}', which is not below it")
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[str(f.relative_to(PACKAGE)) for f in FILES])
def test_imports_point_downward(path):
    assert violations(path, path.read_text()) == []


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("core/x.py", "from ..ops import exp"),
        ("ops/x.py", "from tapegrad.nn import Linear"),
        ("optim/x.py", "from ..utils.data import Dataset"),
        ("nn/x.py", "import tapegrad.train.loop"),
        ("core/x.py", "from .. import functional"),
        ("errors.py", "from .array import Device"),
    ],
)
def test_an_upward_import_is_seen(place, source):
    assert violations(PACKAGE / place, source)


def test_every_room_is_in_the_table():
    rooms = {room_of(f) for f in FILES} - {"__init__", "__main__"}
    assert rooms <= set(LEVELS)


@pytest.mark.parametrize("path", FILES, ids=[str(f.relative_to(PACKAGE)) for f in FILES])
def test_only_array_names_cupy(path):
    names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
    assert path.name == "array.py" or "cupy" not in names


def python(code, **options):
    """Run code in a fresh interpreter that may keep its bytecode, as an installed package does."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, **options)


def loaded_after(statement):
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted({{m.split('.')[0] for m in set(sys.modules) - before}}))"
    return set(python(code, check=True).stdout.split())


def test_import_loads_numpy_and_the_standard_library_alone():
    foreign = loaded_after("import tapegrad") - set(sys.stdlib_module_names) - {"numpy", "tapegrad"}
    assert {m for m in foreign if not m.startswith("_")} == set()


OPTIONAL = ("click", "rich", "matplotlib", "PIL", "yaml", "pydantic", "threadpoolctl", "torch", "starlette", "uvicorn")
# Rooms that may need an extra as a whole; all others import it where they use it.
WITH_EXTRAS = ("board", "cli", "lab")


def without_extras(modules):
    """What importing each module raises in an interpreter that has none of the optional packages."""
    code = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({OPTIONAL!r}))
for name in {modules!r}:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, type(error).__name__, error)
"""
    return python(code, check=True).stdout.splitlines()


def modules_of(chosen):
    return [
        ".".join(["tapegrad", *f.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        for f in FILES
        if chosen(room_of(f))
    ]


def test_the_core_imports_without_extras():
    assert without_extras(modules_of(lambda room: room not in (*WITH_EXTRAS, "__main__"))) == []


def test_a_missing_package_is_an_error_that_names_the_extra():
    said = without_extras(modules_of(lambda room: room == "lab"))
    assert said
    assert [line for line in said if "pip install 'tapegrad[lab]'" not in line] == []


def import_seconds(module):
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return float(python(code, check=True).stdout)


def test_import_takes_at_most_twice_numpys_time():
    """Interleaved, the fastest of seven of each: load from elsewhere only ever adds."""
    import_seconds("tapegrad")
    pairs = [(import_seconds("numpy"), import_seconds("tapegrad")) for _ in range(7)]
    numpy, ours = (min(times) for times in zip(*pairs, strict=True))
    assert ours <= 2 * numpy, f"tapegrad {ours * 1e3:.0f} ms, numpy {numpy * 1e3:.0f} ms"
