"""Clipping gradients, parameters as one vector, penalties: torch.nn.utils's names, and ours."""

from .clip_grad import *
from .convert_parameters import *
from .penalty import *
