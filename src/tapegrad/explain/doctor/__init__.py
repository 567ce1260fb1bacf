"""The doctor: why a training fails, in plain words."""
