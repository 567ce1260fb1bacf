"""Smooth activations. Those made of straight pieces are in ``piecewise``, softmax and its relatives in ``probability``."""

from __future__ import annotations

from ..core import Tensor, ops
from ..errors import OptionError, ShapeError
from .piecewise import apply_activation
from .windows import check_floating

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "logsigmoid",
    "mish",
    "relu3",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanh",
    "tanhshrink",
]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def relu3(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the cube of each element, or 0 where it is negative: max(x, 0)³, twice continuously differentiable.

    Source: W. E, B. Yu, "The Deep Ritz Method" (2018), https://arxiv.org/abs/1710.00211

    >>> import tapegrad as tg
    >>> tg.nn.functional.relu3(tg.tensor([-1.0, 2.0]))
    tensor([0., 8.])
    """
    return apply_activation(input, inplace, ops.relu3)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return each element, or α(eˣ - 1) where it is negative.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.elu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.elu(tg.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _elu("elu", input, inplace, alpha, 1.0, 1.0)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place version of :func:`elu`."""
    return elu(input, alpha, True)


def _elu(who: str, input: Tensor, inplace: bool, alpha: float, scale: float, input_scale: float) -> Tensor:
    check_floating(who, input)
    if alpha < 0:
        return apply_activation(
            input, inplace, lambda x: ops.where(x > 0, x, ops.expm1(ops.clamp(x, None, 0) * input_scale) * alpha)
        )
    if inplace:
        return input.elu_(alpha, scale, input_scale)
    return ops.elu(input, alpha=alpha, scale=scale, input_scale=input_scale)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return λ · :func:`elu` (x, α) with the α and λ that keep mean 0 and variance 1 from layer to layer.

    Source: G. Klambauer et al., "Self-Normalizing Neural Networks" (2017), https://arxiv.org/abs/1706.02515

    >>> import tapegrad as tg
    >>> tg.nn.functional.selu(tg.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return _elu("selu", input, inplace, _SELU_ALPHA, _SELU_SCALE, 1.0)


def selu_(input: Tensor) -> Tensor:
    """In-place version of :func:`selu`."""
    return selu(input, True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return each element, or α(e^(x/α) - 1) where it is negative, so that the slope at 0 is 1 for every α.

    Raises ArgumentError for ``alpha=0``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.celu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.celu(tg.tensor([-1.0, 2.0]), 2.0)
    tensor([-0.7869,  2.0000])
    """
    if alpha == 0:
        raise OptionError("celu", "alpha is 0, and x is divided by it", "use a positive number")
    return _elu("celu", input, inplace, alpha, 1.0, 1 / alpha)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place version of :func:`celu`."""
    return celu(input, alpha, True)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return each element times the probability that a standard normal variable is below it: x · Φ(x).

    ``approximate="tanh"``: x · (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2. Raises ArgumentError for another word.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.gelu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.gelu(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    check_floating("gelu", input)
    if approximate not in ("none", "tanh"):
        raise OptionError("gelu", f"approximate is '{approximate}'", "use 'none' or 'tanh'")
    return ops.gelu(input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return each element times its logistic function: x · σ(x), also called swish.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.silu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.silu(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """
    check_floating("silu", input)
    return apply_activation(input, inplace, lambda x: x * ops.sigmoid(x))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x · tanh(softplus(x)) for each element.

    Source: D. Misra, "Mish" (2019), https://arxiv.org/abs/1908.08681

    >>> import tapegrad as tg
    >>> tg.nn.functional.mish(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.3034,  0.0000,  0.8651])
    """
    check_floating("mish", input)
    return apply_activation(input, inplace, lambda x: x * ops.tanh(ops.softplus(x)))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return ln(1 + e^(βx)) / β for each element, and x itself where βx is above ``threshold``.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.softplus(tg.tensor([-1.0, 0.0, 30.0]))
    tensor([ 0.3133,  0.6931, 30.0000])
    """
    check_floating("softplus", input)
    return ops.softplus(input, beta=beta, threshold=threshold)


def softsign(input: Tensor) -> Tensor:
    """Return x / (1 + |x|) for each element.

    >>> import tapegrad as tg
    >>> tg.nn.functional.softsign(tg.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return input / (ops.abs(input) + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """Return x - tanh(x) for each element.

    >>> import tapegrad as tg
    >>> tg.nn.functional.tanhshrink(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """
    return input - ops.tanh(input)


def logsigmoid(input: Tensor) -> Tensor:
    """Return ln σ(x) for each element, exact where σ(x) underflows to 0.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.logsigmoid(tg.tensor([-1000.0, 0.0]))
    tensor([-1.0000e+03, -6.9315e-01])
    """
    check_floating("logsigmoid", input)
    return ops.logsigmoid(input)


def sigmoid(input: Tensor) -> Tensor:
    """Return 1 / (1 + e⁻ˣ) for each element: :func:`tapegrad.sigmoid`."""
    return ops.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent of each element: :func:`tapegrad.tanh`."""
    return ops.tanh(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return the first half of a dimension times the logistic function of the second: a · σ(b).

    Raises ShapeError when the dimension cannot be halved.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.glu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.glu(tg.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])
    """
    check_floating("glu", input)
    if input.ndim == 0:
        raise ShapeError("glu", "a 0-d tensor cannot be halved", "give it a dimension of even size")
    size = input.size(dim)
    if size % 2:
        raise ShapeError("glu", f"dimension {dim} of shape {tuple(input.shape)} is odd", "make it even")
    return input.narrow(dim, 0, size // 2) * ops.sigmoid(input.narrow(dim, size // 2, size // 2))
