"""Optimizers and learning-rate schedules: torch.optim's names."""

from . import lr_scheduler
from .adadelta import *
from .adagrad import *
from .adam import *
from .adamax import *
from .asgd import *
from .nadam import *
from .optimizer import *
from .radam import *
from .rmsprop import *
from .rprop import *
from .sgd import *
