"""Whole files or none: crashes, full disks, links and permissions."""

import errno
import itertools
import os
import stat
import subprocess
import sys

import pytest

from tapegrad.errors import UsageError
from tapegrad.formats import atomic, atomic_file, remove_stale, write_atomically


def test_the_bytes_arrive_and_nothing_else_is_left(tmp_path):
    write_atomically(tmp_path / "a", b"first")
    write_atomically(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"second"
    assert os.listdir(tmp_path) == ["a"]


def test_an_error_in_the_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def write_and_stop():
        with atomic_file(path) as file:
            file.write(b"half of the n")
            file.flush()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_the_file_has_its_old_content_until_the_block_ends(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def write_through(path, then):
    with atomic_file(path) as file:
        file.write(b"new")
        then()


@pytest.mark.parametrize("when", ["write", "fsync", "replace"])
def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path, monkeypatch, when):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if when != "write":
        monkeypatch.setattr(os, when, full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_through(path, full if when == "write" else bytes)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


LIMITED = """
import resource, signal, sys
import numpy as np
from tapegrad.formats import save_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save_file({"w": np.zeros(1_000_000)}, sys.argv[1])
except OSError as error:
    print(type(error).__name__, error.errno, error.filename)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_a_real_limit_on_a_real_file_leaves_the_old_one(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["OSError", str(errno.EFBIG), str(path)]
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]


def test_a_missing_folder_is_named_as_it_was_given(tmp_path):
    path = tmp_path / "none" / "a"
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(path, b"")
    assert caught.value.filename == str(path)


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(IsADirectoryError) as caught:
        write_atomically(tmp_path, b"")
    assert caught.value.filename == str(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_pipe_or_device_is_not_replaced(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(UsageError, match="pipe is no ordinary file; give the path of a file"):
        write_atomically(path, b"")
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="links and modes of POSIX")
def test_links_stay_links_and_permissions_stay(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_new_file_has_the_usual_permissions(tmp_path):
    usual, ours = tmp_path / "usual", tmp_path / "ours"
    usual.write_bytes(b"")
    write_atomically(ours, b"")
    assert ours.stat().st_mode == usual.stat().st_mode


KILLED = """
import os, signal, sys
from tapegrad.formats import atomic_file
with atomic_file(sys.argv[1]) as file:
    file.write(b"half of the n")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode < 0
    assert path.read_bytes() == b"old"


# -- the generation before ------------------------------------------------------------------------------------------


def save(folder, data):
    with atomic_file(folder / "a", folder / "old") as file:
        file.write(data)


def test_the_file_that_was_there_before_gets_another_name(tmp_path):
    save(tmp_path, b"first")
    assert os.listdir(tmp_path) == ["a"]
    for data, before in ((b"second", b"first"), (b"third", b"second")):
        save(tmp_path, data)
        assert ((tmp_path / "a").read_bytes(), (tmp_path / "old").read_bytes()) == (data, before)
        assert sorted(os.listdir(tmp_path)) == ["a", "old"]


def test_two_names_of_one_file_leave_nothing_else(tmp_path):
    (tmp_path / "a").write_bytes(b"first")
    os.link(tmp_path / "a", tmp_path / "old")  # as a process that was killed between the two renamings leaves it
    save(tmp_path, b"second")
    assert (tmp_path / "old").read_bytes() == b"first"
    assert sorted(os.listdir(tmp_path)) == ["a", "old"]


def test_where_there_are_no_hard_links_the_old_file_is_renamed(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    for data in (b"first", b"second"):
        save(tmp_path, data)
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "old").read_bytes()) == (b"second", b"first")


def test_a_folder_without_room_for_a_second_name_leaves_both_generations(tmp_path, monkeypatch):
    for data in (b"first", b"second"):
        save(tmp_path, data)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, b"third")
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "old").read_bytes()) == (b"second", b"first")
    assert sorted(os.listdir(tmp_path)) == ["a", "old"]


# -- what killed processes leave ------------------------------------------------------------------------------------


def ended_process():
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return int(done.stdout)


def test_a_killed_process_leaves_a_temporary_that_the_next_one_removes(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a")], check=False)
    (left,) = os.listdir(tmp_path)
    assert [os.path.basename(path) for path in remove_stale(tmp_path)] == [left]
    assert os.listdir(tmp_path) == []


def test_only_temporaries_of_dead_processes_are_removed(tmp_path):
    dead = ended_process()
    kept = {f".a.{os.getppid()}-0.tmp", f"a.{dead}-0.tmp", f".a.{dead}.tmp", ".a.x-0.tmp", "a"}
    for name in kept | {f".a.{dead}-0.tmp", f".a.b.{dead}-12.tmp"}:
        (tmp_path / name).write_bytes(b"")
    assert len(remove_stale(tmp_path)) == 2
    assert set(os.listdir(tmp_path)) == kept


def test_a_temporary_with_our_own_id_is_removed_unless_it_is_being_written(tmp_path):
    (tmp_path / f".a.{os.getpid()}-1000000.tmp").write_bytes(b"")
    with atomic_file(tmp_path / "b") as file:
        assert len(remove_stale(tmp_path)) == 1
        file.write(b"whole")
    assert os.listdir(tmp_path) == ["b"]


def test_a_temporary_left_by_a_process_with_our_id_is_no_obstacle(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_count", itertools.count())
    (tmp_path / f".a.{os.getpid()}-0.tmp").write_bytes(b"left")
    write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_folder_that_is_not_there_has_nothing_to_remove(tmp_path):
    assert remove_stale(tmp_path / "none") == []
