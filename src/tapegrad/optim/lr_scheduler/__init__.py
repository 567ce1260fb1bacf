"""Learning-rate schedules: torch.optim.lr_scheduler's names."""

from .base import *
from .base import LRScheduler as _LRScheduler
from .compose import *
from .cosine import *
from .cyclic import *
from .factors import *
from .plateau import *
