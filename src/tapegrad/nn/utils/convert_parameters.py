"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ...core import Tensor, ops
from ...errors import ShapeError, UsageError

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return the elements of all parameters, one after the other, in one vector. Gradients flow through.

    >>> import tapegrad as tg
    >>> tg.nn.utils.parameters_to_vector([tg.ones(1, 2), tg.zeros(1)])
    tensor([1., 1., 0.])
    """
    return ops.cat(*[p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make the parameters views of consecutive pieces of a vector.

    Raises ShapeError when the vector is too short, UsageError when it is no tensor.
    """
    if not isinstance(vec, Tensor):
        raise UsageError("vector_to_parameters", f"the vector is a {type(vec).__name__}", "pass a tensor")
    parameters = list(parameters)
    wanted = sum(p.numel() for p in parameters)
    if vec.numel() < wanted:
        raise ShapeError(
            "vector_to_parameters", f"the vector has {vec.numel()} elements, the parameters {wanted}", "make them equal"
        )
    place = 0
    for p in parameters:
        p.data = vec.data[place : place + p.numel()].reshape(p.shape)
        place += p.numel()
