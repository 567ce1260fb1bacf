"""The operations: kernel, gradient rule, formula, docstring and samples of each, in one place."""

from .conv import *
from .convert import *
from .creation import *
from .dtypes import *
from .elementwise import *
from .fill import *
from .fused import *
from .gather import *
from .index import *
from .join import *
from .linalg import *
from .logic import *
from .norm import *
from .pad import *
from .pool import *
from .random import *
from .rearrange import *
from .reduce import *
from .select import *
from .shape import *
from .sort import *
from .subscript import *
from .unary import *
from .views import *
