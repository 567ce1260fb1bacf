"""Modules that learn the sizes of their parameters from their first input."""

from __future__ import annotations

from typing import Any

from ..errors import MissingMethodError, StateError
from .parameter import is_lazy

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """The first base of modules whose parameters are made by the first call; write :meth:`initialize_parameters`.

    Such parameters are :class:`tapegrad.nn.UninitializedParameter` until then; once they are made, the module's class
    becomes ``cls_to_become``. Loading a state makes them as well.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.modules.lazy.LazyModuleMixin.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.LazyLinear(3)
    >>> layer(tg.zeros(2, 5)).shape
    tapegrad.Size([2, 3])
    >>> layer
    Linear(in_features=5, out_features=3, bias=True)
    """

    cls_to_become: type | None = None

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        module: Any = self
        self._initialize_hook = module.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Make the parameters for the input that the module is called with. Subclasses write it."""
        raise MissingMethodError(
            type(self).__name__, "has no initialize_parameters method", "write it: it materializes the parameters"
        )

    def has_uninitialized_params(self) -> bool:
        """Return whether a parameter or buffer of this module itself is not made yet."""
        module: Any = self
        return any(is_lazy(t) for held in (module._parameters, module._buffers) for t in held.values())

    def _infer_parameters(self, module: Any, args: tuple, kwargs: dict | None = None) -> None:
        self.initialize_parameters(*args, **(kwargs or {}))
        if self.has_uninitialized_params():
            raise StateError(
                type(self).__name__,
                "has parameters that initialize_parameters did not make",
                "call materialize(shape) on each",
            )
        self._initialize_hook.remove()
        del self._initialize_hook
        if self.cls_to_become is not None:
            self.__class__ = self.cls_to_become

    def _replicate_for_data_parallel(self) -> Any:
        raise StateError(type(self).__name__, "has parameters that are not made yet", "call it once before")
