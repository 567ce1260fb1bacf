"""What the measured facts say: statements, each the key of a sentence and the facts that fill it.

Where a statement depends on a threshold, the threshold is a constant here. Nothing is said that no fact bears out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

from ...train.metrics import best_is_smallest
from .document import Mono, Spans
from .facts import Fact
from .speaker import Speaker
from .view import RunView

__all__ = ["Statement", "analyse"]

GAP_CLEAR, GAP_SLIGHT = 0.05, 0.02
LOSS_RATIO_CLEAR = 1.5
LEVEL = 0.02
FEW_REPORTS = 8
BEST_EARLY = 1.02
STUCK = 1e-3
NO_GRADIENT = 1e-8
LEARNED = 0.95
DEAD, SATURATED = 0.1, 0.5
ALL_DEAD = 0.99
VANISHING, EXPLODING = 0.01, 100.0
UPDATE_SMALL, UPDATE_LARGE = 1e-5, 0.1
SAME = 5e-4
ENDS_WORSE, ENDS_BETTER = 1.5, 0.8

# Metrics that are a share of the samples.
SHARES = ("accuracy", "scaled_accuracy", "top_k")


@dataclasses.dataclass(frozen=True)
class Statement:
    """A sentence's key and what fills its places.

    A place is a fact with its form (``(fact, "percent")``), a layer's or a class's name, ``word:KEY`` for a label, or
    a list of statements.
    """

    key: str
    places: dict[str, Any] = dataclasses.field(default_factory=dict)

    def spans(self, say: Speaker) -> Spans:
        """Return the sentence in a language."""
        return say(self.key, **{name: _filled(place, say) for name, place in self.places.items()})

    def sentence(self, say: Speaker) -> Spans:
        """Return the sentence with a capital letter at its beginning."""
        first, *rest = self.spans(say)
        if isinstance(first, str) and say.lang == "en":
            first = first[:1].upper() + first[1:]
        return (first, *rest)


def _filled(place: Any, say: Speaker) -> Any:
    if isinstance(place, tuple):
        return say.value(*place)
    if isinstance(place, list):
        return say.listed(
            [entry.spans(say) if isinstance(entry, Statement) else _filled(entry, say) for entry in place]
        )
    if isinstance(place, str) and place.startswith("word:"):
        return say.word(place.removeprefix("word:"))
    if isinstance(place, str) and place.startswith("part:"):
        return say.text(f"part {place.removeprefix('part:')}")
    return place


def analyse(view: RunView) -> list[Statement]:
    """Return all that can be said of a run."""
    found: list[Statement] = []
    for rule in _RULES:
        found += rule(view)
    return found


Found = Iterator[Statement]


# -- figures ------------------------------------------------------------------------------------------------------------


def _reported(view: RunView) -> Found:
    for name in view.config.reported:
        reported, value = view.fact("recipe.yaml", "reported", name), view.result(name)
        if reported is None or value is None or not isinstance(reported.value, (int, float)):
            continue
        difference = view.facts.derive("difference", value, reported)
        if difference is None:
            continue
        better = (difference.value < 0) == _smaller(name)
        kind = "same" if abs(difference.value) < SAME else "better" if better else "worse"
        places = {"metric": f"word:{name}", "value": (value, "figure"), "reported": (reported, "setting")}
        if kind != "same":
            places["difference"] = (_size(view, difference), "figure")
        yield Statement(f"reported {kind}", places)


def _smaller(name: str) -> bool:
    base = name.partition("_")[2] if name.partition("_")[0] in ("train", "valid", "test") else name
    try:
        return best_is_smallest(base)
    except ValueError:
        return False


def _size(view: RunView, difference: Fact) -> Fact:
    """Return a difference without its sign."""
    if difference.value >= 0:
        return difference
    first, second = (view.facts.found[name] for name in difference.of)
    turned = view.facts.derive("difference", second, first)
    assert turned is not None
    return turned


def _interval(view: RunView) -> Found:
    metric = next((m for m in view.metrics if m in SHARES), None)
    share, count = view.result(f"{view.judge}_{metric}"), view.result("samples", view.judge)
    if share is None or count is None:
        return
    low = view.facts.derive("lower end of the 95 % interval", share, count)
    high = view.facts.derive("upper end of the 95 % interval", share, count)
    if low is not None and high is not None:
        places = {"count": (count, "count"), "metric": f"word:{metric}", "low": (low, "share"), "high": (high, "share")}
        yield Statement("interval", places)


def _chance(view: RunView) -> Found:
    matrix = view.result("confusion")
    metric = next((m for m in view.metrics if m in SHARES), None)
    value = view.result(f"{view.judge}_{metric}")
    if matrix is None or value is None:
        return
    sizes = [sum(row) for row in matrix.value]
    row = view.result("confusion", sizes.index(max(sizes)), "*")
    largest = view.facts.derive("sum", row)
    chance = view.facts.derive("ratio", largest, view.result("samples", view.judge))
    if chance is not None and value.value <= chance.value + 0.005:
        yield Statement("chance", {"value": (value, "figure"), "chance": (chance, "figure")})


def _gap(view: RunView) -> Found:
    part = "valid" if "valid" in view.parts else view.judge
    if part is None or "train" not in view.parts or _stuck(view):
        return
    metric = next((m for m in view.metrics if m in SHARES), None)
    if metric is not None:
        train, other = view.result(f"train_{metric}"), view.result(f"{part}_{metric}")
        gap = view.facts.derive("difference", train, other)
        if gap is None:
            return
        kind = "clear" if gap.value > GAP_CLEAR else "slight" if gap.value > GAP_SLIGHT else "none"
        places = {
            "metric": f"word:{metric}",
            "train": (train, "figure"),
            "other": (other, "figure"),
            "part": f"part:{part}",
        }
        yield Statement(f"gap {kind}", {**places, **({"gap": (gap, "figure")} if kind != "none" else {})})
        return
    train, other = view.result("train_loss"), view.result(f"{part}_loss")
    ratio = view.facts.derive("ratio", other, train)
    if ratio is not None:
        kind = "clear" if ratio.value > LOSS_RATIO_CLEAR else "none"
        places = {"train": (train, "figure"), "other": (other, "figure"), "ratio": (ratio, "ratio")}
        yield Statement(f"gap loss {kind}", {**places, "part": f"part:{part}"})


# -- course -------------------------------------------------------------------------------------------------------------


def _losses(view: RunView, key: str) -> list[Fact]:
    """Return the finite values of a key at all reports."""
    facts = [view.record(i, key) for i in range(len(view.epochs)) if key in view.epochs[i]]
    return [f for f in facts if f is not None and isinstance(f.value, (int, float)) and math.isfinite(f.value)]


def _learned(view: RunView) -> bool:
    share = view.result(f"train_{next((m for m in view.metrics if m in SHARES), None)}")
    return share is not None and share.value > LEARNED


def _second_half(view: RunView) -> list[Fact]:
    losses = _losses(view, "loss")
    return losses[len(losses) // 2 :]


def _constant(view: RunView) -> bool:
    values = [fact.value for fact in _second_half(view)]
    return len(values) > 1 and max(values) > 0 and (max(values) - min(values)) / max(values) < STUCK


def _largest_norm(view: RunView) -> Fact | None:
    norms = [_last(view, path, "gradient", "norm") for path, entry in _layers(view) if "gradient" in entry]
    return view.facts.derive("largest", norms) if norms else None


def _stuck(view: RunView) -> bool:
    """Whether the network does not learn although there is something left to be learned."""
    norm = _largest_norm(view)
    return not _learned(view) and (_constant(view) or (norm is not None and norm.value < NO_GRADIENT))


def _standstill(view: RunView) -> Found:
    if not _stuck(view):
        return
    losses = _second_half(view)
    if _constant(view):
        low, high = view.facts.derive("smallest", losses), view.facts.derive("largest", losses)
        yield Statement("stuck", {"low": (low, "figure"), "high": (high, "figure")})
    norm = _largest_norm(view)
    if norm is not None and norm.value < NO_GRADIENT:
        yield Statement("stuck gradient", {"norm": (norm, "small")})
    layers = _layers(view)
    dead = [path for path, entry in layers if _dead_share(entry) >= ALL_DEAD]
    if dead:
        yield Statement("stuck dead", {"layers": [Mono(path) for path in dead]})
    for path, entry in layers:
        if entry.get("activation", {}).get("saturated_share", 0) >= ALL_DEAD:
            share = _last(view, path, "activation", "saturated_share")
            yield Statement("stuck saturated", {"layer": Mono(path), "share": (share, "percent")})


def _trend(view: RunView) -> Found:
    losses = _losses(view, "loss")
    if len(losses) < FEW_REPORTS or _stuck(view):
        return
    count = max(2, len(losses) // 10)
    last = view.facts.derive("mean", losses[-count:])
    before = view.facts.derive("mean", losses[-2 * count : -count])
    ratio = view.facts.derive("ratio", last, before)
    if ratio is not None:
        kind = "falling" if ratio.value < 1 - LEVEL else "rising" if ratio.value > 1 + LEVEL else "level"
        yield Statement(f"trend {kind}", {"count": str(count), "ratio": (ratio, "ratio")})


def _best(view: RunView) -> Found:
    losses = _losses(view, "valid_loss")
    if len(losses) < 3:
        return
    values = [fact.value for fact in losses]
    numbers = [i for i, record in enumerate(view.epochs) if "valid_loss" in record]
    place = values.index(min(values))
    best, value = losses[place], losses[-1]
    ratio = view.facts.derive("ratio", value, best)
    places = {
        "epoch": (view.record(numbers[place], "epoch"), "count"),
        "last": (view.record(numbers[-1], "epoch"), "count"),
        "best": (best, "figure"),
        "value": (value, "figure"),
    }
    if ratio is not None and ratio.value > BEST_EARLY:
        yield Statement("best early", {**places, "ratio": (ratio, "ratio")})
    else:
        yield Statement("best late", places)


# -- layers -------------------------------------------------------------------------------------------------------------


def _layers(view: RunView) -> list[tuple[str, dict[str, Any]]]:
    return list(view.statistics[-1].get("layers", {}).items()) if view.statistics else []


def _last(view: RunView, path: str, *keys: str) -> Fact | None:
    """Return a layer's entry at the last report."""
    return view.fact("events.jsonl", "statistics", len(view.statistics) - 1, "layers", path, *keys)


def _dead_share(entry: dict[str, Any]) -> float:
    """Return the share of a ReLU's units that are 0 for the whole batch; other layers have no such units."""
    return entry.get("activation", {}).get("dead_share", 0.0) if str(entry.get("kind", "")).startswith("ReLU") else 0.0


def _units(view: RunView) -> Found:
    layers = _layers(view)
    rectified = [path for path, entry in layers if str(entry.get("kind", "")).startswith("ReLU")]
    bounded = [path for path, entry in layers if "saturated_share" in entry.get("activation", {})]
    for paths, key, kind, limit in (
        (rectified, "dead_share", "dead", DEAD),
        (bounded, "saturated_share", "saturated", SATURATED),
    ):
        shares = [(path, _last(view, path, "activation", key)) for path in paths]
        shares = [(path, fact) for path, fact in shares if fact is not None]
        if not shares:
            continue
        many = [(path, fact) for path, fact in shares if fact.value > limit]
        if many:
            entries = [
                Statement("dead layer", {"share": (fact, "percent"), "layer": Mono(path)}) for path, fact in many
            ]
            yield Statement(kind, {"layers": entries})
        else:
            most = max((fact for _, fact in shares), key=lambda fact: fact.value)
            yield Statement(f"{kind} none", {"share": (most, "percent")})


def _gradients(view: RunView) -> Found:
    weighted = [path for path, entry in _layers(view) if "gradient" in entry and "Norm" not in str(entry.get("kind"))]
    norms = [(path, _last(view, path, "gradient", "norm")) for path in weighted]
    norms = [(path, fact) for path, fact in norms if fact is not None]
    if len(norms) < 2 or _stuck(view):
        return
    (first_path, first), (last_path, last) = norms[0], norms[-1]
    ratio = view.facts.derive("ratio", first, last)
    if ratio is None:
        return
    kind = "vanishing" if ratio.value < VANISHING else "exploding" if ratio.value > EXPLODING else "even"
    places = {
        "first": (first, "small"),
        "last": (last, "small"),
        "first_layer": Mono(first_path),
        "last_layer": Mono(last_path),
    }
    yield Statement(f"gradient {kind}", places if kind == "even" else {**places, "ratio": (ratio, "ratio")})


def _updates(view: RunView) -> Found:
    ratios = [(path, _last(view, path, "update_ratio")) for path, entry in _layers(view) if "update_ratio" in entry]
    ratios = [(path, fact) for path, fact in ratios if fact is not None and math.isfinite(fact.value)]
    if not ratios or _stuck(view):
        return
    path, fact = max(ratios, key=lambda pair: pair[1].value)
    if fact.value > UPDATE_LARGE:
        yield Statement("update large", {"layer": Mono(path), "ratio": (fact, "small")})
    elif fact.value < UPDATE_SMALL and view.config.schedule is None:
        yield Statement("update small", {"layer": Mono(path), "ratio": (fact, "small")})


# -- classes and residuals ----------------------------------------------------------------------------------------------


def _confusions(view: RunView) -> Found:
    matrix = view.result("confusion")
    if matrix is None or view.judge is None:
        return
    rows, names = matrix.value, view.classes or [str(i) for i in range(len(matrix.value))]
    cells = [(row[j], i, j) for i, row in enumerate(rows) for j in range(len(row)) if i != j and row[j]]
    pairs = []
    for _, i, j in sorted(cells, key=lambda cell: (-cell[0], cell[1:]))[:3]:
        total = view.facts.derive("sum", view.result("confusion", i, "*"))
        count = (view.result("confusion", i, j), "count")
        pairs.append(
            Statement(
                "confused pair", {"true": names[i], "predicted": names[j], "count": count, "total": (total, "count")}
            )
        )
    if pairs:
        yield Statement("confused", {"pairs": pairs, "part": f"part:{view.judge}"})
    shares = [(row[i] / sum(row), i) for i, row in enumerate(rows) if sum(row)]
    if len(shares) > 2 and min(shares)[0] < 1:
        i = min(shares)[1]
        row = view.result("confusion", i, "*")
        recall = view.facts.derive("share", view.result("confusion", i, i), row)
        total = view.facts.derive("sum", row)
        yield Statement("weakest", {"name": names[i], "recall": (recall, "percent"), "total": (total, "count")})


def _residuals(view: RunView) -> Found:
    ends, middle = view.measured("mae_ends"), view.measured("mae_middle")
    ratio = view.facts.derive("ratio", ends, middle)
    if ratio is not None:
        kind = "worse" if ratio.value > ENDS_WORSE else "better" if ratio.value < ENDS_BETTER else "equal"
        places: dict[str, Any] = {"ends": (ends, "figure"), "middle": (middle, "figure")}
        yield Statement(f"ends {kind}", places if kind == "better" else {**places, "ratio": (ratio, "ratio")})
        means = view.files.get("measured.json", "/mae")
        place = max(range(len(means)), key=lambda i: means[i] or 0.0)
        low, high = view.measured("edges", place), view.measured("edges", place + 1)
        error = view.measured("mae", place)
        yield Statement("worst place", {"low": (low, "small"), "high": (high, "small"), "error": (error, "figure")})
    error = view.result("worst", 0, "error")
    if error is not None:
        places = {"error": (error, "figure")}
        for name in ("output", "target"):
            places[name] = (view.result("worst", 0, name, 0) or view.result("worst", 0, name), "figure")
        yield Statement("worst sample", places)


_RULES: tuple[Callable[[RunView], Found], ...] = (
    _reported,
    _interval,
    _chance,
    _standstill,
    _gap,
    _trend,
    _best,
    _units,
    _gradients,
    _updates,
    _confusions,
    _residuals,
)
