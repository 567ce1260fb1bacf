"""The scale of losses in half precision, which float32 does not need."""

from __future__ import annotations

from typing import Any

__all__ = ["GradScaler"]


class GradScaler:
    """PyTorch's GradScaler as it is when it is not enabled: losses and steps pass through unchanged.

    >>> import tapegrad as tg
    >>> scaler = tg.amp.GradScaler("cuda")
    >>> scaler.is_enabled(), scaler.get_scale()
    (False, 1.0)

    Source: https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        self._factors = (growth_factor, backoff_factor, growth_interval)

    def scale(self, outputs: Any) -> Any:
        """Return what is given."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Do nothing: gradients have their own size."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Return ``optimizer.step(*args, **kwargs)``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Do nothing."""

    def is_enabled(self) -> bool:
        """Return False."""
        return False

    def get_scale(self) -> float:
        """Return 1.0."""
        return 1.0

    def get_growth_factor(self) -> float:
        """Return the factor that was given."""
        return self._factors[0]

    def get_backoff_factor(self) -> float:
        """Return the factor that was given."""
        return self._factors[1]

    def get_growth_interval(self) -> int:
        """Return the number of steps that was given."""
        return int(self._factors[2])

    def state_dict(self) -> dict[str, Any]:
        """Return an empty dict, as PyTorch's does when it is not enabled."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing: there is no state."""
