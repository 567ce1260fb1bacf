"""``torch.backends.quantized``: there is no quantised arithmetic."""

__all__ = ["engine", "supported_engines"]

engine = "none"
supported_engines = ["none"]
