"""Loops: runs of elementwise equations as one pass over memory, and the Numba target that compiles them."""
