"""Layers, losses and containers: torch.nn's names."""

from . import functional, init, parameter, utils
from .activation import *
from .adaptive import *
from .container import *
from .conv import *
from .distance import *
from .dropout import *
from .linear import *
from .loss import *
from .module import *
from .normalization import *
from .parameter import *
from .pooling import *
from .sparse import *
