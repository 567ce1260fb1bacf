"""The formulas of a network, forward and backward."""
