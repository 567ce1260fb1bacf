"""``torch.mps`` on a machine without one."""

from .no_device import *  # noqa: F403
from .no_device import __all__ as _names

__all__ = [*_names]
__all__ += ["current_allocated_memory", "driver_allocated_memory", "recommended_max_memory"]
__all__ += ["set_per_process_memory_fraction"]


def current_allocated_memory() -> int:
    """Return 0 bytes."""
    return 0


driver_allocated_memory = recommended_max_memory = current_allocated_memory


def set_per_process_memory_fraction(fraction: float) -> None:
    """Do nothing."""
