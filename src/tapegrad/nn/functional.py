"""torch.nn.functional's names: everything of ``tapegrad.functional``, for ``import tapegrad.nn.functional as F``."""

from ..functional import *
