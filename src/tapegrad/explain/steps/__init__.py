"""Backpropagation, one operation at a time."""
