"""The files here are scripts for PyTorch: tests/compat/test_scripts.py runs them, nothing imports them."""

collect_ignore_glob = ["*.py", "*/*.py"]
