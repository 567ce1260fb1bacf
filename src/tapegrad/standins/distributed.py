"""``torch.distributed``: training in one process. What asks about a group hears that there is none."""

from __future__ import annotations

from typing import Any, NoReturn

from tapegrad.errors import ArgumentError, StateError

__all__ = ["barrier", "destroy_process_group", "get_rank", "get_world_size", "init_process_group", "is_available"]
__all__ += ["is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available"]
__all__ += ["is_torchelastic_launched", "is_ucc_available"]


def is_available() -> bool:
    """Return False."""
    return False


def is_initialized() -> bool:
    """Return False: there is no group of processes."""
    return False


is_gloo_available = is_mpi_available = is_nccl_available = is_ucc_available = is_available
is_torchelastic_launched = is_initialized


def init_process_group(*args: Any, **options: Any) -> NoReturn:
    """Raise StateError: there are no groups of processes."""
    raise StateError(
        "init_process_group", "training in several processes is not there", "train in one, with a larger batch"
    )


def _no_group(who: str) -> ArgumentError:
    return ArgumentError(who, "there is no group of processes", "ask distributed.is_initialized() first")


def get_rank(group: Any = None) -> int:
    """Raise ArgumentError: there is no group."""
    raise _no_group("get_rank")


def get_world_size(group: Any = None) -> int:
    """Raise ArgumentError: there is no group."""
    raise _no_group("get_world_size")


def barrier(*args: Any, **options: Any) -> None:
    """Raise ArgumentError: there is no group."""
    raise _no_group("barrier")


def destroy_process_group(group: Any = None) -> None:
    """Raise ArgumentError: there is no group."""
    raise _no_group("destroy_process_group")
