"""Reports of runs and sweeps in HTML, Markdown and LaTeX, in English and Chinese, with the source of every number."""

from .report import LANGUAGES, write_report

__all__ = ["LANGUAGES", "write_report"]
