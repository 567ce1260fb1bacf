"""Sparse tensors by coordinates, as far as graph networks use them (``torch.sparse``)."""

from .construct import *
from .inplace import *
from .legacy import *
from .products import *
from .reductions import *
from .tensor import SparseTensor

__all__ = [  # noqa: F405
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "SparseTensor",
    "addmm",
    "check_sparse_tensor_invariants",
    "dsmm",
    "hsmm",
    "hspmm",
    "log_softmax",
    "mm",
    "saddmm",
    "sampled_addmm",
    "smm",
    "softmax",
    "sparse_coo_tensor",
    "spdiags",
    "spmm",
    "sspaddmm",
    "sum",
]
