"""Networks that classify images, under torchvision's names, with its names of weights, so that its files load.

>>> model = squeezenet1_1(num_classes=10)
>>> sum(p.numel() for p in model.parameters())
727626
"""

# Where a module bears the name of a function in it, as alexnet does, the function is what the name stands for here.
from .alexnet import *
from .densenet import *
from .lenet import *
from .mobilenet import *
from .registry import *
from .resnet import *
from .squeezenet import *
from .vgg import *
from .weights import Weights, WeightsEnum
