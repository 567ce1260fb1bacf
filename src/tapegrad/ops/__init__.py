"""The operations: kernel, gradient rule, formula, docstring and samples of each, in one place."""

from .conv import *
from .convert import *
from .creation import *
from .elementwise import *
from .fused import *
from .index import *
from .linalg import *
from .logic import *
from .norm import *
from .pool import *
from .random import *
from .reduce import *
from .shape import *
from .unary import *
