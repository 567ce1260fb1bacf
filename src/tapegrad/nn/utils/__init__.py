"""Clipping gradients, parameters as one vector, penalties: torch.nn.utils's names, and ours."""

__all__: list[str] = []
