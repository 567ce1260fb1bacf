"""Methods that write into a sparse tensor, which takes over the entries of the result, and new tensors like one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Tensor, wrap
from .construct import sparse_coo_tensor
from .tensor import SparseTensor, is_sparse, make_sparse

__all__: list[str] = []


def _copy(self: SparseTensor, src: Tensor, non_blocking: bool = False) -> SparseTensor:
    """Take over coordinates and values of another sparse tensor, in place."""
    return self._become(src.to(self.dtype).clone() if is_sparse(src) else src)


def _new_zeros(
    self: SparseTensor, *size: Any, dtype: Any = None, requires_grad: bool = False, **kwargs: Any
) -> SparseTensor:
    """Return a sparse tensor without entries, as sparse as this one."""
    shape = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    return sparse_coo_tensor(shape, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)


def _zero(self: SparseTensor) -> SparseTensor:
    """Take all entries away, in place."""
    values = wrap(np.zeros((0, *self._size[self.sparse_dim() :]), self.dtype))
    return self._become(make_sparse(self._positions[:, :0], values, self._size, True))


for _name, _method in {"copy_": _copy, "zero_": _zero, "new_zeros": _new_zeros}.items():
    setattr(SparseTensor, _name, _method)


def _writing(name: str, method: str) -> None:
    def write(self: SparseTensor, *args: Any, **kwargs: Any) -> SparseTensor:
        result = getattr(Tensor, method)(self, *args, **kwargs)
        return self._become(result.to(self.dtype) if is_sparse(result) else result)

    write.__name__ = name
    write.__doc__ = f"In-place version of :meth:`{method}`."
    setattr(SparseTensor, name, write)


for _name in ("add", "sub", "mul", "div", "neg", "abs", "sqrt", "t", "transpose", "relu", "pow"):
    _writing(f"{_name}_", _name)
for _name in ("add", "sub", "mul", "truediv"):
    _writing(f"__i{_name}__", f"__{_name}__")
