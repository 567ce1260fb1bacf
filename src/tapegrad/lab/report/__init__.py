"""Reports of runs and sweeps in HTML, Markdown and LaTeX, in English and Chinese, with the source of every number."""
