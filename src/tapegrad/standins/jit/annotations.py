"""The words for types that scripts take from here."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union  # noqa: UP035

__all__ = ["Any", "Dict", "List", "NamedTuple", "Optional", "Tuple", "Union"]
