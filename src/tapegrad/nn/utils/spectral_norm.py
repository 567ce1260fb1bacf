"""Spectral normalisation with a hook: PyTorch's older form, with ``weight_orig`` and the buffers ``weight_u``, ``weight_v``."""

from __future__ import annotations

from typing import Any

from ... import functional as F  # noqa: N812  (the field's name)
from ... import linalg
from ...core import Parameter, Tensor, no_grad, ops
from ...errors import ArgumentError, StateError
from ..conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..module import Module
from .weight_norm import hooks_of, take_hook

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]


class SpectralNorm:
    """The hook that divides a weight by its largest singular value before each forward pass."""

    # Version 1 of the states has weight_v; those before it do not.
    _version = 1

    def __init__(self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12):
        if n_power_iterations <= 0:
            raise ArgumentError("spectral_norm", f"n_power_iterations is {n_power_iterations}", "use at least 1")
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def reshape_weight_to_matrix(self, weight: Tensor) -> Tensor:
        """Return the weight as a matrix whose rows are the indices along ``dim``."""
        return weight.movedim(self.dim, 0).flatten(1) if weight.ndim > 1 else weight.unsqueeze(1)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """Return w / σ(w), after moving u and v closer to the singular vectors if asked to."""
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.T @ u, dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix @ v, dim=0, eps=self.eps))
        # Copies, since later calls write into the buffers.
        sigma = ops.sum(u.clone() * (matrix @ v.clone()))
        return weight / sigma

    @staticmethod
    def apply(module: Module, name: str, n_power_iterations: int, dim: int, eps: float) -> SpectralNorm:
        """Replace a parameter by its original and two vectors. Raises StateError when it was already."""
        if any(isinstance(hook, SpectralNorm) and hook.name == name for hook in hooks_of(module)):
            raise StateError("spectral_norm", f"'{name}' has a spectral_norm hook already", "remove it first")
        hook = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters.get(name)
        if weight is None:
            raise ArgumentError("spectral_norm", f"'{name}' of {type(module).__name__} is no parameter", "name one")
        matrix = hook.reshape_weight_to_matrix(weight.detach())
        delattr(module, name)
        module.register_parameter(f"{name}_orig", weight)
        # No parameter, but readable: the forward pass that is to come replaces it.
        setattr(module, name, weight.data)
        for part, size in zip("uv", matrix.shape, strict=True):
            start = ops.random_normal(size=(size,), dtype=matrix.dtype, generator=None)
            module.register_buffer(f"{name}_{part}", F.normalize(start, dim=0, eps=eps))
        module.register_forward_pre_hook(hook)
        module._register_state_dict_hook(hook.note_version)
        module._register_load_state_dict_pre_hook(hook.complete_state, with_module=True)
        return hook

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again, with its present value."""
        with no_grad():
            weight = self.compute_weight(module, False)
        for name in (self.name, f"{self.name}_u", f"{self.name}_v", f"{self.name}_orig"):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def note_version(self, module: Module, state_dict: Any, prefix: str, local_metadata: Any) -> None:
        """Write into the state that it has both vectors."""
        versions = local_metadata.setdefault("spectral_norm", {})
        versions[f"{self.name}.version"] = self._version

    def complete_state(self, module: Module, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        """Compute ``weight_v`` for a state from before there was one, from its u and its weight."""
        key = f"{prefix}{self.name}"
        if f"{key}_v" in state_dict or not {f"{key}_orig", f"{key}_u"} <= set(state_dict):
            return
        with no_grad():
            matrix = self.reshape_weight_to_matrix(state_dict[f"{key}_orig"])
            u = state_dict[f"{key}_u"]
            v = linalg.pinv(matrix.T @ matrix) @ (matrix.T @ u)
            if key in state_dict:
                sigma = (state_dict[f"{key}_orig"] / state_dict.pop(key)).mean()
                v = v * (sigma / ops.sum(u * (matrix @ v)))
            state_dict[f"{key}_v"] = v

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value before each forward pass.

    The weight becomes ``weight_orig``; ``weight_u`` and ``weight_v`` follow its singular vectors by
    ``n_power_iterations`` steps of the power method for each call in training mode. ``dim`` None means 0, or 1 for
    transposed convolutions. The newer form is :func:`tapegrad.nn.utils.parametrizations.spectral_norm`.
    Source: T. Miyato et al., "Spectral normalization for GANs" (2018), https://arxiv.org/abs/1802.05957

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.spectral_norm(tg.nn.Linear(20, 40))
    >>> layer.weight_u.shape, layer.weight_v.shape
    (tapegrad.Size([40]), tapegrad.Size([20]))
    """
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    SpectralNorm.apply(module, name, n_power_iterations, dim, eps)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Take :func:`spectral_norm` off a module; the weight keeps its value. Raises ArgumentError when there is none.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.remove_spectral_norm(tg.nn.utils.spectral_norm(tg.nn.Linear(2, 2)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    take_hook(module, SpectralNorm, name, "remove_spectral_norm").remove(module)
    for hooks in (module._state_dict_hooks, module._load_state_dict_pre_hooks):
        for key, hook in list(hooks.items()):
            owner = getattr(hook, "__self__", None)
            if isinstance(owner, SpectralNorm) and owner.name == name:
                del hooks[key]
    return module
