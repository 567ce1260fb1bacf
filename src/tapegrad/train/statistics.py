"""What goes on inside the network: activations, gradients and updates of each layer, at each report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError
from .callbacks import Callback
from .inside import LayerLook

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["Statistics"]


class Statistics(Callback):
    """Measures the layers (modules without submodules) at the first update and at the last one before each report.

    Each time ``log("statistics", step=..., layers={path: {...}})`` is called. A layer has its ``kind`` and
    ``activation``: ``mean``, ``std``, ``min``, ``max``, ``dead_share`` (of the units or channels, those that are 0 for
    the whole batch), ``saturated_share`` (of the values of tanh, sigmoid and the like, those within 1 % of the range
    from its ends) and ``histogram`` (``low``, ``high``, ``counts``). One with parameters has ``gradient`` (``norm``,
    ``histogram``; after clipping, as the update used it), ``weight`` (``norm``) and ``update_ratio``, |change| / |weight|.
    Before such an update its batches go through the model once more, for the activations alone: the update itself is
    what it would be if nobody looked, compiled or not, and other updates cost nothing. Raises ArgumentError for no bins.
    """

    def __init__(self, log: Callable[..., Any], *, bins: int = 30):
        if bins < 1:
            raise ArgumentError("Statistics", f"bins is {bins}", "use at least 1")
        self.log = log
        self.bins = bins
        self._looking = False

    def on_batch_begin(self, trainer: Trainer) -> None:
        if trainer.position.step > 0 and not trainer.is_before_report:
            return
        trainer.inside.begin(trainer, self.bins)
        self._looking = True

    def on_batch_end(self, trainer: Trainer, batch: dict[str, float]) -> None:
        if self._looking:
            self._looking = False
            layers = {path: _told(look) for path, look in trainer.inside.end(trainer).items()}
            self.log("statistics", step=trainer.position.step, layers=layers)

    def on_failure(self, trainer: Trainer, error: BaseException) -> None:
        self._looking = False


def _told(look: LayerLook) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": look.kind}
    if look.mean is not None:
        shares = {"dead_share": look.dead_share, "saturated_share": look.saturated_share}
        told["activation"] = {
            **dict(zip(("mean", "std", "min", "max"), (look.mean, look.std, look.low, look.high), strict=True)),
            **{name: value for name, value in shares.items() if value is not None},
            "histogram": look.histogram,
        }
    if look.weight_norm is not None:
        told["gradient"] = {"norm": look.grad_norm or 0.0, "histogram": look.gradient_histogram}
        told["weight"] = {"norm": look.weight_norm}
        told["update_ratio"] = look.update_ratio
    return told
