"""The transforms under the name of torchvision's second version, with those that it has alone; of images, not of boxes."""

from ..autoaugment import *
from ..base import InterpolationMode, Transform
from ..basic import *
from ..bending import *
from ..erasing import *
from ..spatial import *
from ..toning import *
from . import functional
from .mixing import *
from .transforms import *
