"""Clipping gradients, parameters as one vector, penalties, parametrizations, pruning: torch.nn.utils's names, and ours."""

import sys
from types import ModuleType
from typing import Any

from . import fusion, init, memory_format, parametrizations, parametrize, prune, rnn, stateless
from .clip_grad import *
from .convert_parameters import *
from .fusion import *
from .init import skip_init
from .memory_format import *
from .penalty import *
from .spectral_norm import remove_spectral_norm, spectral_norm
from .weight_norm import remove_weight_norm, weight_norm


class _Utils(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        # Two functions bear the names of their files, whose import under PyTorch's name would put the file in their place.
        if not (isinstance(value, ModuleType) and callable(self.__dict__.get(name))):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Utils
