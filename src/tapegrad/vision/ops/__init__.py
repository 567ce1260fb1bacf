"""Operations on boxes, regions and feature maps, under torchvision's names (``torchvision.ops``)."""

from .boxes import *
from .depth import *
from .focal_loss import *
from .misc import *
from .regions import *
