"""tapegrad beside the installed PyTorch: ``python -m tests.conformance`` runs what ``make conformance`` writes down."""
