"""What pruning prunes: masks for parts of a parameter, by chance, by size, by hand; several one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from numbers import Real
from typing import Any

import numpy as np

from ...core import Tensor, ops, wrap
from ...errors import (
    ArgumentError,
    ContractError,
    IndexRangeError,
    MissingAttributeError,
    UsageError,
    did_you_mean,
)
from ...ops.creation import ones_like
from ..module import Module
from .weight_norm import hooks_of

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
]


class BasePruningMethod(ABC):
    """The base of the pruning methods: write :meth:`compute_mask`, set ``PRUNING_TYPE``.

    ``PRUNING_TYPE`` says what a second pruning of a tensor is given to choose from: "unstructured" the elements that are
    left, "structured" the slices that are left, "global" all.
    """

    _tensor_name: str = ""
    PRUNING_TYPE = "unstructured"

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask for a tensor, 0 where it is pruned, given the mask that it has."""

    def apply_mask(self, module: Module) -> Tensor:
        """Return the tensor with zeros where the mask has them. Raises ContractError for one that is not pruned."""
        if not self._tensor_name:
            raise ContractError("apply_mask", "the method belongs to no tensor", "call apply first")
        original = getattr(module, f"{self._tensor_name}_orig")
        return getattr(module, f"{self._tensor_name}_mask").to(original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune a parameter of a module, or prune a pruned one further; return what will apply the mask.

        ``importance_scores``: what the mask is computed from in the place of the values. Other arguments are the method's.
        """
        earlier = method_of(module, name)
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        value = getattr(module, name, None) if earlier is not None else module._parameters.get(name)
        if value is None:
            raise MissingAttributeError(
                "prune", f"{type(module).__name__} has no parameter '{name}'", did_you_mean(name, module._parameters)
            )
        scores = value if importance_scores is None else importance_scores
        if tuple(scores.shape) != tuple(value.shape):
            raise ContractError(
                "prune",
                f"importance_scores of shape {tuple(scores.shape)} for a parameter of {tuple(value.shape)}",
                "make them equal",
            )
        if earlier is None:
            mask = method.compute_mask(scores, default_mask=ones_like(value))
            _hold_apart(module, name, mask)
        else:
            method = _joined(name, earlier, method)
            mask = method.compute_mask(scores, default_mask=getattr(module, f"{name}_mask").to(value.dtype))
            setattr(module, f"{name}_mask", mask)
            take_method(module, name)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """Return a tensor with zeros where the mask that this method computes has them.

        >>> import tapegrad as tg
        >>> tg.nn.utils.prune.L1Unstructured(1).prune(tg.tensor([3.0, -1.0, 2.0]))
        tensor([3., -0., 2.])
        """
        scores = t if importance_scores is None else importance_scores
        if tuple(scores.shape) != tuple(t.shape):
            raise ContractError(
                "prune", f"importance_scores of shape {tuple(scores.shape)} for {tuple(t.shape)}", "make them equal"
            )
        default = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=default)

    def remove(self, module: Module) -> None:
        """Make the pruned tensor an ordinary parameter with its zeros. Raises ContractError for one that is not pruned."""
        name = self._tensor_name
        if not name:
            raise ContractError("prune.remove", "the method belongs to no tensor", "call apply first")
        value = self.apply_mask(module).detach()
        original = module._parameters[f"{name}_orig"]
        for held in (name, f"{name}_orig", f"{name}_mask"):
            delattr(module, held)
        assert original is not None
        original.data = value
        setattr(module, name, original)


def _hold_apart(module: Module, name: str, mask: Tensor) -> None:
    original = module._parameters[name]
    delattr(module, name)
    module.register_parameter(f"{name}_orig", original)
    module.register_buffer(f"{name}_mask", mask)


def method_of(module: Module, name: str) -> BasePruningMethod | None:
    """Return the method that prunes a tensor of a module, or None."""
    for hook in hooks_of(module):
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return hook
    return None


def take_method(module: Module, name: str) -> None:
    """Have a tensor's mask applied no more."""
    for key, entry in list(module._forward_pre_hooks.items()):
        if isinstance(entry[0], BasePruningMethod) and entry[0]._tensor_name == name:
            del module._forward_pre_hooks[key]


def _joined(name: str, *methods: BasePruningMethod) -> PruningContainer:
    container = PruningContainer()
    container._tensor_name = name
    for method in methods:
        for one in method if isinstance(method, PruningContainer) else [method]:
            container.add_pruning_method(one)
    return container


class PruningContainer(BasePruningMethod):
    """Several pruning methods of one tensor, in the order in which they are applied."""

    def __init__(self, *args: BasePruningMethod):
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if len(args) == 1 and not isinstance(args[0], Iterable):
            self._tensor_name = args[0]._tensor_name
            self.add_pruning_method(args[0])
            return
        methods = args[0] if len(args) == 1 and isinstance(args[0], Iterable) else args
        for method in methods:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """Add a method for the same tensor. Raises UsageError for other objects, ArgumentError for another tensor's."""
        if method is not None and not isinstance(method, BasePruningMethod):
            raise UsageError("PruningContainer", f"got a {type(method).__name__}", "pass a BasePruningMethod")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ArgumentError(
                "PruningContainer",
                f"a method for '{method._tensor_name}' in a container for '{self._tensor_name}'",
                "use one container for each tensor",
            )
        self._pruning_methods += (method,)  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: Any) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask after the last method, which chooses from what the earlier ones have left."""
        method = self._pruning_methods[-1]
        place = _left(method, t, default_mask)
        mask = default_mask.detach().clone()
        mask[place] = method.compute_mask(t.detach()[place], default_mask=mask[place]).to(mask.dtype)
        return mask


def _left(method: BasePruningMethod, t: Tensor, mask: Tensor) -> Any:
    """Return the index of what a method may choose from."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    every = [slice(None)] * t.ndim
    if method.PRUNING_TYPE == "structured":
        if not hasattr(method, "dim"):
            raise MissingAttributeError(
                type(method).__name__, "a structured pruning method has no 'dim'", "set self.dim in its __init__"
            )
        dim = _dimension(t, getattr(method, "dim"))  # noqa: B009  (only structured ones have it)
        others = [d for d in range(t.ndim) if d != dim]
        every[dim] = (mask.sum(dim=others) if others else mask) != 0  # type: ignore[call-overload]
    elif method.PRUNING_TYPE != "global":
        kinds = ["global", "structured", "unstructured"]
        raise ArgumentError("prune", f"PRUNING_TYPE is {method.PRUNING_TYPE!r}", f"use one of {', '.join(kinds)}")
    return tuple(every)


# -- methods ----------------------------------------------------------------------------------------------------------


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, Real):
        raise UsageError("prune", f"amount is {amount!r}", "use a share from 0.0 to 1.0, or a whole number of elements")
    whole = isinstance(amount, int)
    if (whole and amount < 0) or (not whole and not 0.0 <= float(amount) <= 1.0):
        raise ArgumentError("prune", f"amount is {amount!r}", "use a share from 0.0 to 1.0, or a whole number")


def _count(amount: Any, size: int) -> int:
    """Return how many of ``size`` elements to prune. Raises ArgumentError for more than there are."""
    if isinstance(amount, int):
        if amount > size:
            raise ArgumentError("prune", f"amount is {amount} of {size} elements", f"use at most {size}")
        return amount
    return round(amount * size)


def _check_structured(t: Tensor) -> None:
    if t.ndim <= 1:
        raise ArgumentError(
            "prune",
            f"a tensor of shape {tuple(t.shape)} has no slices",
            "use 2 or more dimensions, or an unstructured method",
        )


def _dimension(t: Tensor, dim: int) -> int:
    if not -t.ndim <= dim < t.ndim:
        raise IndexRangeError("prune", f"dim {dim} of a tensor with {t.ndim}", f"use {-t.ndim} to {t.ndim - 1}")
    return dim % t.ndim


def _smallest(scores: Tensor, count: int) -> Tensor:
    """Return the places of the ``count`` smallest of a vector."""
    array = scores.detach().numpy()
    return wrap(np.argsort(array, kind="stable")[:count].astype(np.int64))


def _random(shape: tuple[int, ...]) -> Tensor:
    return ops.random_uniform(size=shape, dtype=np.dtype(np.float64), generator=None)


def _without_slices(mask: Tensor, scores: Tensor, count: int, dim: int) -> Tensor:
    """Return the mask with zeros in the slices of the ``count`` smallest scores."""
    kept = ones_like(scores).to(mask.dtype)
    kept[_smallest(scores, count)] = 0
    shape = [1] * mask.ndim
    shape[dim] = mask.shape[dim]
    return mask * kept.reshape(*shape)


class Identity(BasePruningMethod):
    """Prunes nothing: the parameter gets a mask of ones."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask unchanged."""
        return default_mask


class _Unstructured(BasePruningMethod):
    """Prunes the elements of the smallest scores; ``amount`` is a share (float) or a number (int)."""

    def __init__(self, amount: float):
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask with as many zeros more as ``amount`` says."""
        count = _count(self.amount, t.numel())
        mask = default_mask.detach().clone()
        if count:
            flat = mask.reshape(-1)
            flat[_smallest(self._scores(t), count)] = 0
            mask = flat.reshape(mask.shape)
        return mask

    def _scores(self, t: Tensor) -> Tensor:
        raise NotImplementedError


class RandomUnstructured(_Unstructured):
    """Prunes elements at random; ``amount`` is a share (float) or a number (int) of them.

    Raises UsageError or ArgumentError for an amount that is neither.
    """

    def _scores(self, t: Tensor) -> Tensor:
        return _random((t.numel(),))


class L1Unstructured(_Unstructured):
    """Prunes the elements nearest to zero; ``amount`` is a share (float) or a number (int) of them.

    Raises UsageError or ArgumentError for an amount that is neither.
    """

    def _scores(self, t: Tensor) -> Tensor:
        return ops.abs(t.detach()).reshape(-1)


class RandomStructured(BasePruningMethod):
    """Prunes whole slices along ``dim`` at random; ``amount`` is a share (float) or a number (int) of them."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1):
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask with zeros in slices more. Raises ArgumentError for a vector."""
        _check_structured(t)
        dim = _dimension(t, self.dim)
        count = _count(self.amount, t.shape[dim])
        return _without_slices(default_mask.detach(), _random((t.shape[dim],)), count, dim) if count else default_mask


class LnStructured(BasePruningMethod):
    """Prunes the slices along ``dim`` of the smallest norm of order ``n``; ``amount`` is a share or a number of them."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, n: Any, dim: int = -1):
        _check_amount(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask with zeros in slices more. Raises ArgumentError for a vector."""
        _check_structured(t)
        dim = _dimension(t, self.dim)
        count = _count(self.amount, t.shape[dim])
        if not count:
            return default_mask
        scores = t.detach().norm(p=self.n, dim=[d for d in range(t.ndim) if d != dim])
        return _without_slices(default_mask.detach(), scores, count, dim)


class CustomFromMask(BasePruningMethod):
    """Prunes where a given mask is 0."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor):
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the product of both masks. Raises ContractError for another shape."""
        if tuple(default_mask.shape) != tuple(self.mask.shape):
            raise ContractError(
                "CustomFromMask",
                f"a mask of shape {tuple(self.mask.shape)} for a tensor of {tuple(default_mask.shape)}",
                "make them equal",
            )
        return default_mask * self.mask.to(default_mask.dtype)
