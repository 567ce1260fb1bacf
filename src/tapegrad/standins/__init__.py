"""Rooms that stand in for what is not on this machine, or has no meaning on it: ``tapegrad.cuda``, ``amp``, ``jit``.

The package looks for its rooms in this folder as well, so each of them is ``tapegrad.NAME``; nothing imports them by way of
this file.
"""
