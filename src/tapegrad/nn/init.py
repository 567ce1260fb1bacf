"""Initial values of parameters."""

__all__: list[str] = []
