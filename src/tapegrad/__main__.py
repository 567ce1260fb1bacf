"""``python -m tapegrad``."""

from .cli.main import run

run()
