"""Short texts of what a recipe says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["in_languages", "model_text"]

_MOST = 120


def model_text(data: Mapping[str, Any]) -> str:
    """Return a recipe's network in a few words: its sizes, or how many layers of each kind with weights it has.

    >>> model_text({"model": {"layers": [784, 100, 10]}})
    '784-100-10'
    >>> model_text({"model": {"layers": ["Flatten", {"type": "Conv2d"}, {"type": "Conv2d"}, {"type": "Linear"}]}})
    '2 Conv2d, 1 Linear'
    """
    model = data.get("model")
    if not isinstance(model, Mapping):
        return ""
    if isinstance(model.get("module"), str):
        return model["module"].rpartition(":")[2][:_MOST]
    layers = model.get("layers")
    if not isinstance(layers, list):
        return ""
    if all(type(size) is int for size in layers):
        return "-".join(map(str, layers))[:_MOST]
    kinds = [str(layer.get("type", "")) if isinstance(layer, Mapping) else str(layer) for layer in layers]
    weighted = [kind for kind in kinds if kind.startswith(("Conv", "Linear", "Bilinear", "Embedding", "RNN", "LSTM"))]
    return ", ".join(f"{weighted.count(kind)} {kind}" for kind in dict.fromkeys(weighted or kinds))[:_MOST]


def in_languages(value: Any) -> dict[str, str]:
    """Return a text of a recipe in English and Chinese; one that it has in one language alone stands for both.

    >>> in_languages({"en": "spiral"}), in_languages("moons")
    ({'en': 'spiral', 'zh': 'spiral'}, {'en': 'moons', 'zh': 'moons'})
    """
    texts = value if isinstance(value, Mapping) else {"en": value}
    any_of_them = next((str(text) for text in texts.values() if text), "")
    return {language: str(texts.get(language) or any_of_them) for language in ("en", "zh")}
