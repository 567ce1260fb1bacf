"""Why a gradient is None, zero, not finite or huge."""
