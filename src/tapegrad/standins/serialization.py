"""``torch.serialization``: which classes stored objects may be of."""
