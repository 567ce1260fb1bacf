"""Layers, losses and containers: torch.nn's names."""

from . import attention, functional, grad, init, modules, parallel, parameter, utils
from .activation import *
from .adaptive import *
from .adaptive_softmax import *
from .attention.multihead import MultiheadAttention
from .container import *
from .conv import *
from .distance import *
from .dropout import *
from .fractional import *
from .lazy_layers import *
from .linear import *
from .loss import *
from .module import *
from .more_losses import *
from .normalization import *
from .padding import *
from .parallel import DataParallel
from .parameter import *
from .piecewise import *
from .pooling import *
from .rnn import *
from .rnn_cell import *
from .sequence_loss import *
from .shuffle import *
from .sparse import *
from .synchronised import *
from .transformer import *
from .upsampling import *
