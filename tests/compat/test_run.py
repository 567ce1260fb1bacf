"""``tapegrad run``: what a script finds of itself, and of PyTorch, which is tapegrad."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import tapegrad as tg
from tapegrad.compat.version import Version


@pytest.fixture
def run(tmp_path):
    """Writes a script and runs it, in an interpreter of its own."""

    def go(source, *arguments, command=("-m", "tapegrad", "run"), name="script.py", cwd=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return subprocess.run(
            [sys.executable, *command, str(path), *arguments],
            cwd=cwd or tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=300,
        )

    return go


def lines(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_modules_and_classes_are_tapegrads_own(run):
    source = """
        import torch, torchvision, tapegrad
        import torch.nn.functional as F
        import torch.optim.lr_scheduler as S
        import torchvision.transforms as T
        from torch.utils.data import DataLoader
        from torch.nn.modules.conv import Conv2d
        print(torch.nn is tapegrad.nn, F is tapegrad.nn.functional, S is tapegrad.optim.lr_scheduler)
        print(T is tapegrad.vision.transforms, DataLoader is tapegrad.utils.data.DataLoader)
        print(Conv2d is tapegrad.nn.Conv2d, torch.Tensor is tapegrad.Tensor, F.__name__, F.__spec__.name)
    """
    assert lines(run(source)) == [
        "True True True",
        "True True",
        "True True tapegrad.nn.functional tapegrad.nn.functional",
    ]


def test_arguments_names_and_neighbours(run, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "neighbour.py").write_text("import torch\nvalue = torch.ones(2).sum().item()\n")
    source = """
        import sys, pickle
        from neighbour import value
        class Point: pass
        print(sys.argv[1:], __name__, __file__ == sys.argv[0], value)
        print(type(pickle.loads(pickle.dumps(Point()))) is Point, sys.modules["__main__"].Point is Point)
    """
    done = run(source, "--help", "-x", "1", "--", "two words", name="deep/script.py")
    assert lines(done) == ["['--help', '-x', '1', '--', 'two words'] __main__ True 2.0", "True True"]


@pytest.mark.parametrize(
    ("ending", "code"),
    [("raise SystemExit", 0), ("raise SystemExit(3)", 3), ("exit('no')", 1), ("def", 1)],
)
def test_exit_codes(run, ending, code):
    assert run(f"import torch\n{ending}").returncode == code


def test_tracebacks_begin_in_the_script(run):
    done = run("""
        import torch
        def inner():
            return torch.ones(2) @ torch.ones(3)
        inner()
    """)
    told = done.stderr.splitlines()
    assert told[0] == "Traceback (most recent call last):"
    assert 'script.py", line 5, in <module>' in told[1]
    assert told[-1].startswith("tapegrad.errors.ShapeError: matmul: ")
    assert "runner.py" not in done.stderr


def test_the_version_is_one_of_pytorch_2(run):
    source = """
        import torch, torchvision
        print(torch.__version__.split(".")[0], torch.__version__ >= "1.10", torch.__version__ >= (2, 0), torch.version.cuda)
        print(torchvision.__version__ > "0.9", torch.__version__.split("+")[0].replace(".", "").isdigit())
    """
    assert lines(run(source)) == ["2 True True None", "True True"]
    packaging = pytest.importorskip("packaging.version")
    assert packaging.parse(str(Version("2.13.0+tapegrad"))) >= packaging.parse("2.0")


MISSING = [
    ("torch.fooo", "AttributeError", "torch.fooo: tapegrad has no such name, and none is planned"),
    ("from torch import fooo", "ImportError", "torch.fooo: "),
    ("torch.nn.Lineer", "AttributeError", "did you mean 'torch.nn.Linear'?"),
    ("from torch.nn.functional import reluu", "ImportError", "did you mean 'torch.nn.functional.relu'?"),
    ("import torch.export", "ModuleNotFoundError", "use tapegrad.trace"),
    ("from torch.export import export", "ModuleNotFoundError", "torch.export: "),
    ("torch.distributed.all_reduce", "AttributeError", "train in one process"),
    ("torch.onnx.verification", "AttributeError", "it is planned; store weights with"),
    ("from torch.nn.parallel import DistributedDataParallel", "ImportError", "train in one process"),
]


def test_a_missing_name_says_which_and_what_instead(run):
    source = f"""
        import torch
        for code in {[code for code, *_ in MISSING]!r}:
            try:
                exec(code)
            except (AttributeError, ImportError) as error:
                print(type(error).__name__, error)
    """
    said = lines(run(source))
    assert len(said) == len(MISSING)
    for line, (code, kind, told) in zip(said, MISSING, strict=True):
        assert line.startswith(f"{kind} "), code
        assert told in line, code


def test_a_method_that_tensors_have_not_is_explained_in_the_traceback(run):
    done = run("import torch\ntorch.ones(2).reinforce(1)\n")
    assert done.returncode == 1
    assert (
        "torch.Tensor.reinforce: tapegrad has no such name, and none is planned; use torch.distributions" in done.stderr
    )


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_processes_that_a_script_starts_have_tapegrad_too(run, method):
    if method not in __import__("multiprocessing").get_all_start_methods():
        pytest.skip(f"this system does not {method}")
    source = f"""
        import torch
        import torch.multiprocessing as mp
        class Box:
            def __init__(self, value): self.value = value
        def work(rank, box, queue):
            import torch.nn
            queue.put((rank, torch.__version__, torch.nn.__name__, (box.value * 2).tolist()))
        if __name__ == "__main__":
            context = mp.get_context("{method}")
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(3, Box(torch.ones(2)), queue))
            process.start()
            print(*queue.get())
            process.join()
            print(process.exitcode)
    """
    assert lines(run(source)) == ["3 2.13.0+tapegrad tapegrad.nn [2.0, 2.0]", "0"]


def test_spawn_tells_what_a_process_raised(run):
    source = """
        import torch.multiprocessing as mp
        def work(rank, base):
            if rank == 1:
                raise ValueError(f"rank {base + rank}")
        if __name__ == "__main__":
            mp.spawn(work, args=(0,), nprocs=1)
            try:
                mp.spawn(work, args=(40,), nprocs=2)
            except mp.ProcessRaisedException as error:
                print("ValueError: rank 41" in str(error))
    """
    assert lines(run(source)) == ["True"]


def test_an_installed_pytorch_stays_out(run, tmp_path):
    for package in ("torch", "torchvision"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise RuntimeError('the real one')")
        (tmp_path / package / "extra.py").write_text("")
    source = """
        import importlib.util, sys
        import torch, torchvision
        try:
            import torch.extra
        except ModuleNotFoundError as error:
            print(error)
        print(importlib.util.find_spec("torch") is not None, importlib.util.find_spec("nothing_of_the_kind"))
    """
    assert lines(run(source)) == ["torch.extra: tapegrad has no such name, and none is planned", "True None"]


def test_processes_that_did_not_ask_have_no_aliases(run):
    source = """
        import subprocess, sys
        import torch
        code = "import sys; print(any('tapegrad' in str(f) for f in sys.meta_path), 'torch' in sys.modules)"
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip())
    """
    assert lines(run(source)) == ["False False"]
    assert not any("tapegrad" in str(type(finder)) for finder in sys.meta_path)


def test_install_refuses_to_take_the_place_of_a_pytorch_that_is_loaded(run):
    source = """
        import sys, types
        sys.modules["torch"] = types.ModuleType("torch")
        from tapegrad.compat import install
        install()
    """
    done = run(source, command=())
    assert "StateError: install: 'torch' is already imported; call install() before everything else" in done.stderr


def test_install_makes_a_notebooks_imports_tapegrads(run):
    source = """
        from tapegrad.compat import install
        install(); install()
        import torch
        print(torch.nn.Linear.__module__)
    """
    assert lines(run(source, command=())) == ["tapegrad.nn.linear"]


def test_a_script_that_is_not_there(run, tmp_path):
    command = [sys.executable, "-m", "tapegrad", "run", str(tmp_path / "none.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "none.py" in done.stderr


def test_versions_compare_by_their_numbers():
    assert Version("2.10.0") > "2.9.1"
    assert Version("2.9.1") < (2, 10)
    assert Version("2.9") <= "2.9"
    assert Version("2.9") == "2.9" != Version("2.10")
    assert len({Version("1"), "1"}) == 1


def test_stand_ins_are_rooms_of_the_package():
    path = pathlib.Path(tg.cuda.__file__)
    assert path.parts[-3:] == ("standins", "cuda", "__init__.py")
    assert tg.cuda.__name__ == "tapegrad.cuda"


def test_dtypes_say_what_pytorchs_say(run):
    source = """
        import torch
        for dtype in (torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64):
            print(dtype.is_floating_point, dtype.is_complex, dtype.is_signed, dtype.itemsize)
        print(torch.ones(2).dtype.is_floating_point, torch.float64.to_complex() == torch.complex128)
        print(torch.complex64.to_real() == torch.float32, torch.float16.to_real() == torch.float16)
        try:
            torch.int64.to_complex()
        except RuntimeError as error:
            print(error)
    """
    assert lines(run(source)) == [
        "True False True 4",
        "True False True 8",
        "False False True 8",
        "False False False 1",
        "False False False 1",
        "False True True 8",
        "True True",
        "True True",
        "int64.to_complex: there is no such dtype; use float32, float64 and their complex partners",
    ]
    here = "import numpy; print(hasattr(numpy.dtype, 'is_floating_point'))"
    assert lines(run(here, command=())) == ["False"]
