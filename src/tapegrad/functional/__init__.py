"""Functions of tensors that networks are made of, composed of operations: torch.nn.functional's names, and ours."""

from ..ops.pad import pad
from ..ops.shuffle import channel_shuffle, native_channel_shuffle, pixel_shuffle, pixel_unshuffle
from .activation import *
from .adaptive import *
from .attention import *
from .attention_heads import *
from .bag import *
from .classification import *
from .columns import *
from .conv import *
from .distance import *
from .dropout import *
from .focused import *
from .fractional import *
from .linear import *
from .linear_cross_entropy import *
from .loss import *
from .margin import *
from .normalization import *
from .overlap import *
from .piecewise import *
from .pooling import *
from .probability import *
from .resize import *
from .sampling import *
from .sequence import *
from .windowed import *
from .with_indices import *
