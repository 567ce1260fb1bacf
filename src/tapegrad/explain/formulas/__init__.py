"""How formulas are written and drawn, and the gradients of operations as formulas."""
