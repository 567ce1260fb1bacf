"""The transforms, under the name of torchvision's module for them."""

# ruff: noqa: F403 - the names of the files that the transforms lie in here

from .basic import *
from .bending import *
from .erasing import *
from .spatial import *
from .toning import *
