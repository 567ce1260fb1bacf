"""Detectors: each looks at a course for one kind of fault."""
