"""Clipping gradients, parameters as one vector, penalties, parametrizations, pruning: torch.nn.utils's names, and ours."""

from . import fusion, init, memory_format, parametrizations, parametrize, prune, rnn, stateless
from .clip_grad import *
from .convert_parameters import *
from .fusion import *
from .init import skip_init
from .memory_format import *
from .penalty import *
from .spectral_norm import remove_spectral_norm, spectral_norm
from .weight_norm import remove_weight_norm, weight_norm
