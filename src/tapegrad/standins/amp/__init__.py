"""``torch.amp``: mixed precision, accepted and not used.

NumPy computes half precision in software, many times slower than float32, and has no bfloat16. So within
:class:`autocast` everything keeps the dtype that it has, results are those of float32 training, and
:class:`GradScaler`, which guards half precision against underflow, passes losses and steps through.
"""

from . import autocast_mode, grad_scaler
from .autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "autocast_mode", "custom_bwd", "custom_fwd", "grad_scaler"]
__all__ += ["is_autocast_available"]
