"""Names of ``torch`` that are found on demand: in other rooms, from the methods of Tensor, and constants.

A name that a script never uses costs it nothing: nothing here is made before it is asked for.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

__all__ = ["HELD", "find"]

# Which room has a function that PyTorch hands on at the top level as well.
_ROOMS = {
    "functional": """
        adaptive_avg_pool1d adaptive_max_pool1d:adaptive_max_pool1d_with_indices avg_pool1d bilinear celu celu_
        channel_shuffle conv1d conv2d conv3d
        conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity max_pool1d
        max_pool1d_with_indices max_pool2d max_pool3d native_channel_shuffle pairwise_distance pdist pixel_shuffle
        pixel_unshuffle prelu rms_norm selu selu_ threshold_
    """,
    "functional.recurrent": """
        gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell
    """,
    "further": """
        AcceleratorError OutOfMemoryError affine_grid_generator alpha_dropout alpha_dropout_ batch_norm
        binary_cross_entropy_with_logits cond constant_pad_nd cosine_embedding_loss ctc_loss dropout dropout_ eig
        embedding_bag embedding_renorm_ feature_alpha_dropout feature_alpha_dropout_ feature_dropout feature_dropout_
        frobenius_norm grid_sampler grid_sampler_2d grid_sampler_3d group_norm hardshrink hinge_embedding_loss instance_norm
        kl_div layer_norm lstsq margin_ranking_loss matrix_rank native_batch_norm native_group_norm native_layer_norm norm_except_dim nuclear_norm
        poisson_nll_loss rrelu rrelu_ solve sym_float sym_int sym_ite sym_max sym_min sym_not sym_sum symeig threshold
        triplet_margin_loss
        view_as_complex_copy view_as_real_copy while_loop
    """,
    "amp": "autocast GradScaler",
    "func": "vmap",
    "switches": """
        are_deterministic_algorithms_enabled autocast_decrement_nesting autocast_increment_nesting clear_autocast_cache
        get_autocast_cpu_dtype get_autocast_dtype get_autocast_gpu_dtype get_default_device
        get_deterministic_debug_mode get_file_path get_float32_matmul_precision get_num_interop_threads
        is_anomaly_check_nan_enabled is_anomaly_enabled is_autocast_available is_autocast_cache_enabled
        is_autocast_cpu_enabled is_autocast_enabled is_deterministic_algorithms_warn_only_enabled
        is_inference_mode_enabled is_vulkan_available is_warn_always_enabled set_anomaly_enabled
        set_autocast_cache_enabled set_autocast_cpu_dtype set_autocast_cpu_enabled set_autocast_dtype
        set_autocast_enabled set_autocast_gpu_dtype set_default_device set_deterministic_debug_mode
        set_float32_matmul_precision set_flush_denormal set_num_interop_threads set_warn_always typename
        use_deterministic_algorithms compiled_with_cxx11_abi get_device_module
    """,
    "special": """
        i0 igamma:gammainc igammac:gammaincc mvlgamma:multigammaln polygamma digamma lgamma:gammaln
    """,
    "sparse": """
        sparse_coo_tensor sparse_compressed_tensor sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor
        sparse_bsc_tensor hspmm smm sspaddmm dsmm hsmm spmm saddmm
    """,
}

# In-place methods of Tensor that PyTorch has as functions too.
_IN_PLACE = frozenset(
    [
        "abs_",
        "acos_",
        "acosh_",
        "addmv_",
        "arccos_",
        "arccosh_",
        "arcsin_",
        "arcsinh_",
        "arctan_",
        "arctanh_",
        "as_strided_",
        "asin_",
        "asinh_",
        "atan_",
        "atanh_",
        "ceil_",
        "clamp_",
        "clamp_max_",
        "clamp_min_",
        "clip_",
        "conj_physical_",
        "cos_",
        "cosh_",
        "deg2rad_",
        "detach_",
        "erf_",
        "erfc_",
        "exp2_",
        "exp_",
        "expm1_",
        "fill_",
        "fix_",
        "floor_",
        "frac_",
        "gcd_",
        "i0_",
        "index_put_",
        "lcm_",
        "ldexp_",
        "log10_",
        "log1p_",
        "log2_",
        "log_",
        "logit_",
        "nan_to_num_",
        "neg_",
        "negative_",
        "rad2deg_",
        "reciprocal_",
        "relu_",
        "resize_as_",
        "round_",
        "rsqrt_",
        "sigmoid_",
        "sin_",
        "sinc_",
        "sinh_",
        "sqrt_",
        "square_",
        "tan_",
        "tanh_",
        "trunc_",
        "xlogy_",
        "zero_",
    ]
)
# Methods and attributes of Tensor that are functions under the same name.
_METHODS = frozenset(
    ["detach", "get_device", "is_conj", "is_distributed", "is_inference", "is_neg", "is_same_size", "is_signed"]
)

_CONSTANTS: dict[str, Any] = {
    "pi": math.pi,
    "e": math.e,
    "inf": math.inf,
    "nan": math.nan,
    "newaxis": None,
    "has_lapack": True,
    "has_mkl": False,
    "has_openmp": False,
    "has_spectral": True,
}

_PLACES = {
    known.partition(":")[0]: (room, known.partition(":")[2] or known)
    for room, names in _ROOMS.items()
    for known in names.split()
}
HELD = frozenset({*_PLACES, *_IN_PLACE, *_METHODS, *_CONSTANTS})


def find(name: str) -> Any:
    """Return what PyTorch has under a name at the top level. Raises AttributeError when that is nothing known here."""
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if name in _PLACES:
        room, known = _PLACES[name]
        try:
            return getattr(importlib.import_module(f".{room}", __package__), known)
        except ModuleNotFoundError as error:
            raise AttributeError(name) from error
    if name in _IN_PLACE or name in _METHODS:
        return _of_method(name)
    if name.startswith("_foreach_"):
        return importlib.import_module(".foreach", __package__).find(name)
    raise AttributeError(name)


def _of_method(name: str) -> Callable:
    """Return the function that calls a method of its first argument."""
    from .core import Tensor

    method = getattr(Tensor, name)

    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return method(input, *args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = method.__doc__
    return call
