"""Compiling: a training step, or a network's forward pass, as straight-line NumPy source over planned memory."""

from .entry import *
