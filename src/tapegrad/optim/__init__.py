"""Optimizers and learning-rate schedules: torch.optim's names."""

from . import contrib, lr_scheduler, swa_utils
from .adadelta import *
from .adafactor import *
from .adagrad import *
from .adam import *
from .adamax import *
from .asgd import *
from .lbfgs import *
from .muon import *
from .nadam import *
from .optimizer import *
from .radam import *
from .rmsprop import *
from .rprop import *
from .sgd import *
from .sparse_adam import *
