"""The methods that write into a sparse tensor: it takes over the entries of the result."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from .tensor import SparseTensor, is_sparse

__all__: list[str] = []


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
