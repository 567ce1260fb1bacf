"""Where tapegrad differs from PyTorch on purpose: name, what of the case's text, and why.

The name is a pattern of ``fnmatch``, ``what`` a regular expression that is searched for in
``<case> -> <what differs>``. Nothing else may stand here: an oversight is mended, not listed.
"""

from __future__ import annotations

import fnmatch
import re

KERNELS = "under torch PyTorch has a raw kernel with numbers for options; here stands nn.functional's function"
DIFFERENCES: list[tuple[str, str, str]] = [
    (
        "torch.*",
        r"^error float32 (-?\d|\(3,\) int64, 2).*no error, want Exception",
        "a number stands for a tensor without dimensions",
    ),
    (
        "*",
        r"number of dimensions must be within|maximum supported dimension for an ndarray",
        "arrays of NumPy's have at most 64 dimensions",
    ),
    ("init.calculate_gain", r"-> 1.0, want 1$", "a gain is a float"),
    (
        "optim.Muon",
        r"values differ by (0\.0|[\d.]+e-0[3-9])",
        "PyTorch makes the update orthogonal in bfloat16, which NumPy has not: it is done in single precision or better",
    ),
    (
        "optim.*",
        r"state \w+( of parameter \d)?: dtype float64, want torch.float32",
        "a count, or a product of factors, enters powers, and is kept in double precision",
    ),
    (
        "*.as_strided_scatter",
        r"gradient: values differ",
        "PyTorch gives the input the gradient of the places written over, and none elsewhere; here it is the other way round",
    ),
    (
        "torch.distributions.VonMises",
        r"second gradient: values differ by [\d.]+e-0[67]",
        "PyTorch's approximation of Bessel functions, and so its slope, is exact to 7 digits; this to 14",
    ),
    (
        "torch.distributions.[BD]*",
        r"mode -> gradient: finite where the other is not",
        "where the mode is a corner, PyTorch's gradient is that of 0 / 0; this is 0",
    ),
    ("torch.sparse.sampled_addmm", r"want NotImpl", "COO tensors here, where PyTorch has it for CSR ones alone"),
    ("torch.dtype", r".*", "a dtype is a class of NumPy's, printed under NumPy's name"),
    ("nn.Unflatten", r"tapegrad.Size", "the class's own name is printed"),
    ("torch.Size", r"'tapegrad.Size", "the class's own name is printed"),
    ("torch.distributions.*", r"^repr.*tapegrad.Size", "the class's own name is printed"),
    ("torch.*_loss", r"^(?!error)(torch\.|x = torch)", KERNELS),
    ("torch.kl_div", r".*", KERNELS),
    ("torch.binary_cross_entropy_with_logits", r".*", KERNELS),
    ("torch.batch_norm", r".*", KERNELS),
    ("torch.instance_norm", r".*", KERNELS),
    ("torch.dropout", r"'train'", KERNELS),
    (
        "*.soft_margin_loss",
        r"^float16.*finite where the other is not",
        "PyTorch's exponential overflows in half precision; this one does not",
    ),
    ("Tensor.__repr__", r"dtype=(float|int|complex|uint)", "a dtype is a class of NumPy's, printed under NumPy's name"),
    ("nn.ParameterList", r"\[float32 of size", "a dtype is a class of NumPy's, printed under NumPy's name"),
    ("nn.ParameterDict", r"float32 of size", "a dtype is a class of NumPy's, printed under NumPy's name"),
    (
        "nn.CrossMapLRN2d",
        r"gradient",
        "PyTorch's gradient takes windows one channel off: it is not the output's derivative",
    ),
    ("Tensor.__getitem__", r"^a\[::-1\]", "negative steps are views in NumPy, so they are allowed"),
    ("*special.bessel_*", r"values differ", "PyTorch's are exact to 6 digits only for arguments above 5; these to 15"),
    ("*special.airy_ai", r"values differ", "PyTorch's is exact to 6 digits only at some arguments; this to 14"),
    ("*linalg.eig*", r"forward.*values differ", "an eigenvector is one times any number of magnitude 1 as well"),
    ("*linalg.norm", r"second gradient", "PyTorch's second derivative of a norm at 0 is nan, where this is finite"),
    ("torch.cat", r"^error float32 \(2, 3\), out", "tensors may be given one by one, so one alone is no mistake"),
    ("torch.concat*", r"^error float32 \(2, 3\), out", "tensors may be given one by one, so one alone is no mistake"),
    ("torch.gather", r"^error .* out=\(1,\) int64", "an out= of another size gets new memory, which overlaps nothing"),
    ("*matrix_exp", r"^float16", "PyTorch's is wrong in half precision: that of the identity is negative"),
    (
        "*polygamma",
        r", 1 -> finite where",
        "PyTorch's is finite at the poles -1, -2, ..., where its rounding misses them",
    ),
    ("*fft.ihfftn", r"^out= ", "PyTorch leaves out= unwritten"),
    (
        "*logcumsumexp",
        r"^float32.* gradient: values differ by (0\.00|[\d.]+e-0[4-9])",
        "logarithms of 10^4 have three digits behind the point in single precision, and exponentials the same",
    ),
    (
        "Tensor.__setitem__",
        r"x\[k, k\] = .*dtypes match",
        "a value is converted to the tensor's dtype, as PyTorch does with slices",
    ),
    (
        "torch.func.linearize",
        r"x @ m",
        "what a function names from outside has its gradient; PyTorch takes it for a constant",
    ),
    ("*istft", r"None against values", "the window has a gradient when it is filled up with zeros, too"),
]


# Signatures: name, what of the words that say what differs, and why.
DEPRECATED = "a form that PyTorch has deprecated: the factor before the tensor"
SIGNATURES: list[tuple[str, str, str]] = [
    ("torch.*_loss", r".*", KERNELS),
    ("torch.*_with_logits", r".*", KERNELS),
    ("torch.kl_div", r".*", KERNELS),
    ("torch.*batch_norm", r".*", KERNELS),
    ("torch.instance_norm", r".*", KERNELS),
    ("torch.*dropout*", r"'train'", KERNELS),
    ("torch.embedding_bag", r".*", KERNELS),
    ("torch.group_norm", r"cudnn", KERNELS),
    ("torch.layer_norm", r"cudnn", KERNELS),
    ("torch.*_copy", r".*", "a function of PyTorch's dispatcher, without a page in its documentation"),
    ("*.add*", r"not taken by position", DEPRECATED),
    ("*.sub*", r"not taken by position", DEPRECATED),
    ("*.baddbmm*", r"not taken by position", DEPRECATED),
    ("torch.rsub", r"alpha", DEPRECATED),
    ("torch.sspaddmm", r"not taken by position", DEPRECATED),
    ("torch.*addmm", r"no keyword 'out'", "a sparse result is a new tensor"),
    ("torch.hspmm", r"no keyword 'out'", "a sparse result is a new tensor"),
    ("*mm", r"out_dtype", "only for half precision on a GPU"),
    ("*.tensor", r"not taken by position", "PyTorch takes them by name only, whatever its stub says"),
    ("*.new_tensor", r"not taken by position", "PyTorch takes them by name only, whatever its stub says"),
    ("torch.from_numpy", r"'ndarray'", "PyTorch takes it by position only"),
    ("torch.set_num_*threads", r"'num'", "PyTorch takes it by position only"),
    ("Tensor.requires_grad_", r"'mode'", "PyTorch calls it requires_grad, whatever its stub says"),
    ("Tensor.record_stream", r".*", "there are no streams"),
    ("torch.full", r"'names'", "named dimensions are absent"),
    ("*", r"'unbiased' is None", "None stands for the default, which correction= replaces"),
    ("torch.*trapz", r"'dx' is None", "None stands for 1"),
    ("torch.*trapezoid", r"'dx' is None", "None stands for 1"),
    ("*nan_to_num*", r"'nan' is 0.0", "0 is what None stands for"),
    ("torch.meshgrid", r"'indexing'", "PyTorch warns that its default will be what it says anyway"),
    ("torch.trace", r"'function'", "given a function, it records what that does"),
    ("torch.linspace", r"'steps'", "PyTorch requires them, whatever its stub says"),
    ("torch.logspace", r"'steps'", "PyTorch requires them, whatever its stub says"),
    ("linalg.vander", r"'N'", "PyTorch takes it by name only, whatever its stub says"),
    ("linalg.lstsq", r"'driver'", "the driver that PyTorch's None stands for on the CPU"),
    ("utils.data.random_split", r"'generator' is None", "None stands for the default generator"),
    ("cuda.*_rng_state", r"'device' is None", "None stands for the current device"),
    ("jit.*", r".*", "a stand-in: there is no TorchScript"),
    ("torch.TypedStorage*", r".*", "a stand-in over a NumPy array"),
    ("random.fork_rng", r".*", "the private arguments and devices of a GPU"),
    ("Tensor.expand", r"implicit", "an internal argument of PyTorch's"),
]


def listed(table: list[tuple[str, str, str]], name: str, text: str) -> str | None:
    """The reason that a table gives for a difference, or None."""
    for pattern, what, reason in table:
        if fnmatch.fnmatchcase(name, pattern) and re.search(what, text):
            return reason
    return None


def deliberate(name: str, text: str) -> str | None:
    """The reason for a difference between results."""
    return listed(DIFFERENCES, name, text)
