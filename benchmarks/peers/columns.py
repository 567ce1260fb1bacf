"""The names of the columns that ratios are computed from."""

EAGER = "tapegrad, eager"
NUMPY = "tapegrad, compiled (NumPy)"
NUMBA = "tapegrad, compiled (Numba)"
COMPILED = "tapegrad, compiled"
HAND = "NumPy by hand"
PRODUCTS, BYTES = "products alone", "bytes alone"
