"""The version of the package."""

__version__ = "0.1.0"

# What scripts ask ``torch.version`` for: none of these devices is computed on.
cuda = hip = xpu = git_version = None
debug = False
