"""The engine: primitives, tensors, the tape, and walking it backwards."""

from .backward import backward, grad
from .contents import as_array
from .dispatch import result_type
from .graph import STATE, Node, user_line
from .handle import RemovableHandle
from .methods import FUNCTIONS, function
from .modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .numpy_protocol import install_numpy_protocol
from .primitive import REGISTRY, Array, ErrorSample, Primitive, Sample, ops, primitive
from .printing import set_printoptions
from .size import Size
from .tensor import Parameter, Tensor, wrap
from .trace import WRITE, Equation, Program, TracedNumber, Tracer, Variable, trace

# isort: split
# After the file ``tensor``, whose name in this package the function takes.
from .creation import as_tensor, from_numpy, tensor

install_numpy_protocol()

__all__ = [
    "FUNCTIONS",
    "REGISTRY",
    "STATE",
    "WRITE",
    "Array",
    "Equation",
    "ErrorSample",
    "Node",
    "Parameter",
    "Primitive",
    "Program",
    "RemovableHandle",
    "Sample",
    "Size",
    "Tensor",
    "TracedNumber",
    "Tracer",
    "Variable",
    "as_array",
    "as_tensor",
    "backward",
    "enable_grad",
    "from_numpy",
    "function",
    "grad",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "ops",
    "primitive",
    "result_type",
    "set_grad_enabled",
    "set_printoptions",
    "tensor",
    "trace",
    "user_line",
    "wrap",
]
