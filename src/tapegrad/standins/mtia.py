"""``torch.mtia`` on a machine without one."""

from .no_device import *  # noqa: F403
from .no_device import __all__ as _names

__all__ = [*_names]
