"""PyTorch's names that tapegrad has not: whether they are planned, and what to use instead.

A name ends the search for those within it: ``torch.distributed`` speaks for ``torch.distributed.all_reduce``. What is not
listed is not planned.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import did_you_mean

__all__ = ["ABSENT", "METHODS", "Absent", "explain", "find_absent"]


class Absent(NamedTuple):
    """Whether a name is planned, and a sentence on what to use until then, or instead."""

    planned: bool
    instead: str


def _planned(instead: str) -> Absent:
    return Absent(True, instead)


def _never(instead: str) -> Absent:
    return Absent(False, instead)


_ONE_PROCESS = "train in one process, with a larger batch"
_NO_GRAPH = "use tapegrad.trace, which returns the recorded program as a list of equations"
_NO_COMPILER = "use torch.compile(function), whose options are tapegrad.compile's"
_NO_QUANTISATION = "compute in float32 or float16"
_NO_CUSTOM = "write a torch.autograd.Function"
_OWN_CODE = "write it with tensors: operations on a CPU need no code in another language"
_NO_DETECTION = "classify with torchvision.models.resnet18 and its relatives"
_DENSE = "use torch.sparse_coo_tensor, the layout that there is, or dense tensors"

# Longest match first; ``*`` stands for any characters.
ABSENT: dict[str, Absent] = {
    "torch.onnx.*": _planned("store weights with torch.save(model.state_dict(), path)"),
    "torch.distributed.*": _never(_ONE_PROCESS),
    "torch.nn.parallel.DistributedDataParallel": _never(_ONE_PROCESS),
    "torch.utils.data.datapipes.*": _never("use Dataset and IterableDataset"),
    "torch.utils.data.IterDataPipe": _never("use IterableDataset"),
    "torch.utils.data.MapDataPipe": _never("use Dataset"),
    "torch.utils.cpp_extension.*": _never(_OWN_CODE),
    "torch.utils.mobile_optimizer.*": _never("export with `tapegrad export`, as one file of NumPy"),
    "torch.utils.benchmark.*": _never("use timeit"),
    "torch.utils.bottleneck.*": _never("use python -m cProfile"),
    "torch.utils.flop_counter.*": _planned("count the parameters: sum(p.numel() for p in model.parameters())"),
    "torch.fx.*": _never(_NO_GRAPH),
    "torch.export*": _never(_NO_GRAPH),
    "torch._dynamo*": _never(_NO_COMPILER),
    "torch._inductor*": _never(_NO_COMPILER),
    "torch.compiler.*": _never(_NO_COMPILER),
    "torch._C*": _never("use public names: there is no library in C++ behind tapegrad"),
    "torch.ops.*": _never("call the function by its name in torch or torch.nn.functional"),
    "torch.classes*": _never(_OWN_CODE),
    "torch.library*": _never(_NO_CUSTOM),
    "torch.quantization*": _never(_NO_QUANTISATION),
    "torch.ao*": _never(_NO_QUANTISATION),
    "torch.nn.quantized*": _never(_NO_QUANTISATION),
    "torch.nn.qat*": _never(_NO_QUANTISATION),
    "torch.nn.intrinsic*": _never(_NO_QUANTISATION),
    "torch.quantize_*": _never(_NO_QUANTISATION),
    "torch.fake_quantize_*": _never(_NO_QUANTISATION),
    "torch.quantized_*": _never(_NO_QUANTISATION),
    "torch.dequantize": _never(_NO_QUANTISATION),
    "torch.package*": _never("copy the source file, and torch.save the state_dict"),
    "torch.nested*": _never("pad with nn.utils.rnn.pad_sequence and mask"),
    "torch.masked*": _never("use torch.where and masked_fill"),
    "torch.sparse_bs*": _never(_DENSE),
    "torch.sparse_cs*": _never(_DENSE),
    "torch.sparse.*": _never(_DENSE),
    "torch.monitor*": _never("write figures with torch.utils.tensorboard.SummaryWriter"),
    "torch.vulkan*": _never("everything runs on the CPU"),
    "torch.cuda.*": _never("everything runs on the CPU; ask torch.cuda.is_available() first"),
    "torch.mps.*": _never("everything runs on the CPU; ask torch.mps.is_available() first"),
    "torch.xpu.*": _never("everything runs on the CPU; ask torch.xpu.is_available() first"),
    "torch.mkldnn_*": _never("call the function without the prefix"),
    "torch.miopen_*": _never("call the function without the prefix"),
    "torch.cudnn_*": _never("call the function without the prefix"),
    "torch.fbgemm_*": _never(_NO_QUANTISATION),
    "torch.jit.*": _never("run the function as it is, or use torch.compile"),
    "torch.profiler.*": _never("use python -m cProfile"),
    "torch.*Storage": _never("use tensors: tensor.untyped_storage and views share memory"),
    "torch.Tensor.c*_indices": _never(_DENSE),
    "torch.Tensor.row_indices": _never(_DENSE),
    "torch.Tensor.to_padded_tensor": _never("pad with nn.utils.rnn.pad_sequence and mask"),
    "torch.Tensor.lstsq": _never("use torch.linalg.lstsq"),
    "torch.Tensor.symeig": _never("use torch.linalg.eigh"),
    "torch.Tensor.storage_type": _never("use tensor.type()"),
    "torch.Tensor.reinforce": _never("use torch.distributions and its log_prob"),
    "torchvision.models.detection*": _never(_NO_DETECTION),
    "torchvision.models.segmentation*": _never(_NO_DETECTION),
    "torchvision.models.video*": _never(_NO_DETECTION),
    "torchvision.models.optical_flow*": _never(_NO_DETECTION),
    "torchvision.models.quantization*": _never(_NO_QUANTISATION),
    "torchvision.models.*": _never("use resnet18 and its relatives, vgg, alexnet, mobilenet_v2 or densenet"),
    "torchvision.io.*video*": _never("read the frames with a package for videos, and torch.from_numpy"),
    "torchvision.datasets.*": _never("subclass torch.utils.data.Dataset, or use torchvision.datasets.ImageFolder"),
    "torchvision.transforms.*": _never("write it as transforms.Lambda(function)"),
    "torchvision.ops.*": _never("write it with tensors"),
    "torchaudio*": _never("read sound with another package, and torch.from_numpy"),
    "torchtext*": _never("read and split the text in Python"),
}

# Other packages of PyTorch's family that scripts import; they are not taken over, as tapegrad has nothing of theirs.
FAMILY = ("torchaudio", "torchtext", "torchdata", "torchrl", "functorch")

# The methods of PyTorch's tensors that are missing here, but for those that other objects have as well (``index``).
_METHODS = """
    ccol_indices col_indices crow_indices hash_tensor lstsq reinforce resize_as_sparse_ row_indices sparse_resize_
    sparse_resize_and_clear_ storage_type symeig to_padded_tensor
    """
METHODS = frozenset(_METHODS.split())


def _pattern(name: str) -> str | None:
    matching = [pattern for pattern in ABSENT if fnmatch.fnmatchcase(name, pattern)]
    return max(matching, key=len) if matching else None


def find_absent(name: str) -> Absent | None:
    """Return what is written about a name that tapegrad has not: the longest pattern that matches it or what it is in.

    >>> find_absent("torch.export.export").planned
    False
    """
    pattern = _pattern(name)
    return None if pattern is None else ABSENT[pattern]


def explain(name: str, known: Iterable[str] = ()) -> str:
    """Return the sentence about a name of PyTorch that is missing.

    >>> explain("torch.onnx.export_to")
    'torch.onnx.export_to: tapegrad has no such name yet, it is planned; store weights with torch.save(model.state_dict(), path)'
    >>> explain("torch.nn.Lineer", ["Linear"])
    "torch.nn.Lineer: tapegrad has no such name, and none is planned; did you mean 'torch.nn.Linear'?"
    """
    pattern, absent = _pattern(name), find_absent(name)
    said = (
        "tapegrad has no such name yet, it is planned"
        if absent and absent.planned
        else ("tapegrad has no such name, and none is planned")
    )
    room, _, last = name.rpartition(".")
    near = did_you_mean(last, (word for word in known if word != last))
    # What is said of a whole room helps less than the name that is nearly the same.
    if (pattern is None or pattern.endswith(".*")) and near.startswith("did you mean"):
        return f"{name}: {said}; did you mean '{room}.{near[14:-2]}'?"
    return f"{name}: {said}" + (f"; {absent.instead}" if absent else "")
