"""The names of ``torch.autograd.graph``: nodes and edges of the tape, and what happens to the values it saves.

Source: https://pytorch.org/docs/stable/autograd.html#autograd-graph
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..core import STATE, Node, Tensor
from ..core.graph import Pick
from ..errors import ArgumentError, GradError

__all__ = [
    "GradientEdge",
    "Node",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class GradientEdge(NamedTuple):
    """Where a tensor's gradient comes in: a node, or a leaf, and which of its outputs."""

    node: Any
    output_nr: int


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """Return where the gradient of a tensor comes in. Raises GradError for one that requires none.

    >>> import tapegrad as tg
    >>> x = tg.ones(2, requires_grad=True)
    >>> tg.autograd.graph.get_gradient_edge(x.exp())
    GradientEdge(node=<ExpBackward0>, output_nr=0)
    """
    if not tensor.requires_grad:
        raise GradError("get_gradient_edge", "the tensor does not require a gradient", "call requires_grad_() first")
    if isinstance(tensor.node, Pick):
        return GradientEdge(tensor.node.edges[0], tensor.node.index)
    return GradientEdge(tensor if tensor.node is None else tensor.node, 0)


class saved_tensors_hooks:  # noqa: N801 (PyTorch's name)
    """Within this block, values saved for gradients go through ``pack_hook``, and through ``unpack_hook`` when they are used.

    >>> import tapegrad as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> with tg.autograd.graph.saved_tensors_hooks(lambda t: t.numpy().copy(), tg.from_numpy):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]):
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if _disabled:
            raise GradError("saved_tensors_hooks", _disabled[-1], "leave disable_saved_tensors_hooks() first")
        if STATE.tracer is not None:
            STATE.tracer.refuse("saved_tensors_hooks", "saved values go through hooks", "leave them out of the step")
        STATE.saved_hooks = (*STATE.saved_hooks, (self.pack_hook, self.unpack_hook))

    def __exit__(self, *error: Any) -> None:
        STATE.saved_hooks = STATE.saved_hooks[:-1]


class save_on_cpu(saved_tensors_hooks):  # noqa: N801 (PyTorch's name)
    """Keeps saved values in the CPU's memory, where they are anyway."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        super().__init__(lambda tensor: tensor, lambda tensor: tensor)


_disabled: list[str] = []


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Refuse :class:`saved_tensors_hooks` within this block, with a message."""
    _disabled.append(error_message)
    try:
        yield
    finally:
        _disabled.pop()


class _Handle:
    """Several handles as one."""

    def __init__(self, handles: list):
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handle:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable, *, mode: str = "all") -> _Handle:
    """Call ``fn`` during each backward pass: with all gradients once the last is there, or with the first (``mode="any"``).

    ``fn`` gets a list with a gradient for each tensor. Raises ArgumentError for other modes.

    >>> import tapegrad as tg
    >>> a, b = tg.ones(1, requires_grad=True), tg.ones(1, requires_grad=True)
    >>> handle = tg.autograd.graph.register_multi_grad_hook([a, b], lambda grads: print(len(grads)))
    >>> (a * b).backward()
    2
    """
    if mode not in ("all", "any"):
        raise ArgumentError("register_multi_grad_hook", f"mode={mode!r}", "use 'all' or 'any'")
    seen: list[Any] = [None] * len(tensors)
    known = [0]

    def collect(i: int) -> Callable[[Tensor], None]:
        def hook(g: Tensor) -> None:
            seen[i] = g
            known[0] += 1
            if mode == "any" and known[0] == 1:
                fn(g)
            if known[0] == len(tensors):
                gradients, known[0] = list(seen), 0
                seen[:] = [None] * len(tensors)
                if mode == "all":
                    fn(gradients)

        return hook

    return _Handle([t.register_hook(collect(i)) for i, t in enumerate(tensors)])


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Count a write to the memory of a tensor, or of several, that the tape could not see.

    >>> import tapegrad as tg
    >>> x = tg.zeros(1)
    >>> tg.autograd.graph.increment_version(x)
    >>> x._version
    1
    """
    for t in [tensor] if isinstance(tensor, Tensor) else tensor:
        t.memory.wrote()
