"""tapegrad: deep learning in plain NumPy, with PyTorch's names."""

from .core import *
from .ops import *
