"""One level of a layered drawing: which layer each item is in, in which order, at which x, and where the edges run.

Edges go from a layer to a later one. One that passes through layers has a place of its own in each of them, so that no
edge crosses an item: between layers there is nothing, and within a layer edges run straight down.
Source: Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981); the
places along a layer are an isotonic regression, solved by pooling neighbours that would overlap.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right, insort

__all__ = ["Item", "Level", "Route"]

# Pixels between neighbours, between an edge and its neighbour, and between layers.
SPACE, EDGE_SPACE, GAP = 22.0, 12.0, 26.0
# How often the order and the places are mended; the places of large levels less often.
_SWEEPS, _PULLS, _WORK = 6, 60, 120_000
# So many places of passing edges a level may have; the longest edges beyond that run down its left side.
_PASSING = 10_000
_LANES = 40
_BEND = 8.0


@dataclasses.dataclass
class Item:
    """What has a place: a box, a port (where an edge enters or leaves the level), or a passing edge (width 0).

    ``entries`` and ``exits``: the x of an edge's end, from the item's centre, by the value that the edge carries; the
    middle for others. ``port``: -1 for one at the top, 1 at the bottom, 0 for what is none.
    """

    width: float
    height: float
    port: int = 0
    passing: bool = False
    entries: dict[int, float] = dataclasses.field(default_factory=dict)
    exits: dict[int, float] = dataclasses.field(default_factory=dict)
    layer: int = 0
    x: float = 0.0
    y: float = 0.0


@dataclasses.dataclass
class Route:
    """The way of an edge: points between which it runs straight down or, between two layers, swings over.

    ``value``: what it carries; ``source`` and ``target``: numbers of items, -1 where it begins on the way of another.
    """

    value: int
    source: int
    target: int
    points: list[tuple[float, float]]


class Level:
    """Arranges items that are given in an order in which edges go forward.

    >>> level = Level([Item(10, 10), Item(10, 10), Item(10, 10)], [(0, 1, 0), (1, 2, 1), (0, 2, 0)])
    >>> level.arrange()
    >>> [item.layer for item in level.items[:3]], len(level.layers[1])
    ([0, 1, 2], 2)
    """

    def __init__(self, items: list[Item], edges: list[tuple[int, int, int]]):
        self.items = list(items)
        self.given = edges
        self.layers: list[list[int]] = []
        self.tops: list[float] = []
        self.heights: list[float] = []
        self.width = self.height = 0.0
        self.routes: list[Route] = []
        # Edges between neighbouring layers: (source, target, value); trunks: the places of a value on its way.
        self.links: list[tuple[int, int, int]] = []
        self.trunks: dict[tuple[int, int], list[int]] = {}
        self.lanes: dict[tuple[int, int], int] = {}

    def arrange(self) -> None:
        """Give each item its layer, its x (of the centre) and its y (of the top), and each edge its route."""
        self._find_layers()
        self._make_trunks()
        self._order()
        self._place()
        self._spread()
        self._stack()
        self._draw()

    # -- layers --------------------------------------------------------------------------------------------------------

    def _find_layers(self) -> None:
        """Put each item one below the lowest that it depends on; what depends on nothing just above the first that needs it."""
        items = self.items
        before: list[list[int]] = [[] for _ in items]
        after: list[list[int]] = [[] for _ in items]
        for a, b, _ in self.given:
            before[b].append(a)
            after[a].append(b)
        first = int(any(item.port < 0 for item in items))
        for i, item in enumerate(items):
            item.layer = 0 if item.port < 0 else max([items[a].layer + 1 for a in before[i]], default=first)
        for i, item in enumerate(items):
            if item.port == 0 and not before[i] and after[i]:
                item.layer = max(min(items[b].layer for b in after[i]) - 1, first)
        inner = [item.layer for item in items if item.port <= 0]
        last = max(inner, default=0) + 1
        for item in items:
            if item.port > 0:
                item.layer = last
        self.layers = [[] for _ in range(max((item.layer for item in items), default=-1) + 1)]
        for i, item in enumerate(items):
            self.layers[item.layer].append(i)

    def _make_trunks(self) -> None:
        """Give each value that is needed farther down a place in every layer that it passes."""
        targets: dict[tuple[int, int], list[int]] = {}
        for a, b, value in self.given:
            targets.setdefault((a, value), []).append(b)
        lengths = {key: max(self.items[b].layer for b in bs) - self.items[key[0]].layer for key, bs in targets.items()}
        left = _PASSING
        for key, length in sorted(lengths.items(), key=lambda pair: pair[1]):
            left -= length
            if left < 0 and length > 1:
                self.lanes[key] = len(self.lanes) % _LANES
        for (a, value), bs in targets.items():
            far = [] if (a, value) in self.lanes else bs
            self._make_trunk(a, value, far)
            for b in far:
                self.links.append((self._above(a, value, b), b, value))

    def _make_trunk(self, a: int, value: int, bs: list[int]) -> None:
        trunk = [a]
        start = self.items[a].layer
        for layer in range(start + 1, max((self.items[b].layer for b in bs), default=start)):
            self.items.append(Item(0.0, 0.0, passing=True, layer=layer))
            place = len(self.items) - 1
            self.layers[layer].append(place)
            self.links.append((trunk[-1], place, value))
            trunk.append(place)
        self.trunks[a, value] = trunk

    def _above(self, a: int, value: int, b: int) -> int:
        return self.trunks[a, value][self.items[b].layer - self.items[a].layer - 1]

    # -- order ---------------------------------------------------------------------------------------------------------

    def _order(self) -> None:
        """Order the layers by the mean places of their neighbours, down and up; keep the order with the fewest crossings."""
        above: list[list[tuple[int, float, float]]] = [[] for _ in self.items]
        below: list[list[tuple[int, float, float]]] = [[] for _ in self.items]
        for a, b, value in self.links:
            leave, enter = self.items[a].exits.get(value, 0.0), self.items[b].entries.get(value, 0.0)
            above[b].append((a, leave, enter))
            below[a].append((b, enter, leave))
        self.above, self.below = above, below
        if all(len(layer) < 2 for layer in self.layers):
            return
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            neighbours = above if down else below
            for layer in self.layers if down else reversed(self.layers):
                self._sort(layer, neighbours)
            count = self._crossings()
            if count < fewest:
                best, fewest = [list(layer) for layer in self.layers], count
            if not fewest:
                break
        self.layers = best

    def _sort(self, layer: list[int], neighbours: list[list[tuple[int, float, float]]]) -> None:
        if len(layer) < 2:
            return
        place = self._places([n for i in layer for n, _, _ in neighbours[i]])
        keys = {}
        for position, i in enumerate(layer):
            near = [place[n] + offset / (self.items[n].width + 1.0) for n, offset, _ in neighbours[i]]
            keys[i] = sum(near) / len(near) if near else None
            if keys[i] is None:
                keys[i] = keys[layer[position - 1]] if position else 0.0
        layer.sort(key=lambda i: keys[i])

    def _places(self, items: list[int]) -> dict[int, int]:
        return {i: p for layer in {self.items[n].layer for n in items} for p, i in enumerate(self.layers[layer])}

    def _crossings(self) -> int:
        """Return how many links cross: inversions among their ends, counted layer by layer."""
        total = 0
        for layer in self.layers[:-1]:
            if len(layer) < 2:
                continue
            place = self._places([b for i in layer for b, _, _ in self.below[i]])
            seen: list[float] = []
            for i in layer:
                ends = [place[b] + enter / (self.items[b].width + 1.0) for b, enter, _ in self.below[i]]
                total += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return total

    # -- coordinates -----------------------------------------------------------------------------------------------------

    def _place(self) -> None:
        items = self.items
        for layer in self.layers:
            x = 0.0
            for a, b in zip([None, *layer], layer, strict=False):
                x += self._apart(a, b) if a is not None else 0.0
                items[b].x = x
            for i in layer:
                items[i].x -= x / 2
        for sweep in range(max(2 * _SWEEPS, min(_PULLS, _WORK // (len(items) + 1)))):
            down = sweep % 2 == 0
            sides = [self.above, self.below] if sweep >= _SWEEPS else [self.above if down else self.below]
            moved = 0.0
            for layer in self.layers if down else reversed(self.layers):
                moved = max(moved, self._pull(layer, sides))
            if moved < 0.25:
                break
        for layer in self.layers:
            self._straighten(layer)
        left = min((item.x - item.width / 2 for item in items), default=0.0)
        left -= 6.0 * (max(self.lanes.values()) + 2) if self.lanes else 0.0
        for item in items:
            item.x -= left
        self.width = max((item.x + item.width / 2 for item in items), default=0.0)

    def _straighten(self, layer: list[int]) -> None:
        """Take the last small bends out of edges, where the neighbours leave room."""
        items = self.items
        for place, i in enumerate(layer):
            alike = [link for link in self.above[i] if items[link[0]].passing == items[i].passing]
            if len(alike) != 1:
                continue
            n, offset, own = alike[0]
            x = items[n].x + offset - own
            low = items[layer[place - 1]].x + self._apart(layer[place - 1], i) if place else x
            high = items[layer[place + 1]].x - self._apart(i, layer[place + 1]) if place + 1 < len(layer) else x
            if abs(x - items[i].x) < _BEND and low - 1e-6 <= x <= high + 1e-6:
                items[i].x = x

    def _apart(self, a: int, b: int) -> float:
        """Return the least distance of two neighbours' centres."""
        thin = (self.items[a].width == 0) + (self.items[b].width == 0)
        return (self.items[a].width + self.items[b].width) / 2 + (EDGE_SPACE if thin else SPACE)

    def _pull(self, layer: list[int], sides: list[list[list[tuple[int, float, float]]]]) -> float:
        """Move a layer's items to where their edges would be straight, as far as the order and the spaces let them.

        Returns how far the one that moved farthest did.
        """
        blocks: list[list[float]] = []  # weight, weighted sum of wishes, number of items
        offset = 0.0
        for place, i in enumerate(layer):
            offset += self._apart(layer[place - 1], i) if place else 0.0
            weight, wish = self._wish(i, sides)
            blocks.append([weight, weight * (wish - offset), 1])
            while len(blocks) > 1 and blocks[-2][1] / blocks[-2][0] >= blocks[-1][1] / blocks[-1][0]:
                w, s, n = blocks.pop()
                blocks[-1] = [blocks[-1][0] + w, blocks[-1][1] + s, blocks[-1][2] + n]
        places = iter(layer)
        offset, before, moved = 0.0, None, 0.0
        for weight, total, count in blocks:
            for _ in range(int(count)):
                i = next(places)
                offset += self._apart(before, i) if before is not None else 0.0
                x = total / weight + offset
                moved = max(moved, abs(x - self.items[i].x))
                self.items[i].x, before = x, i
        return moved

    def _wish(self, i: int, sides: list[list[list[tuple[int, float, float]]]]) -> tuple[float, float]:
        item = self.items[i]
        weight = total = 0.0
        for side in sides:
            for n, offset, own in side[i]:
                w = (1.0, 3.0, 30.0)[self._straightness(item, self.items[n])]
                weight += w
                total += w * (self.items[n].x + offset - own)
        return (min(weight, 9.0), total / weight) if weight else (0.01, item.x)

    @staticmethod
    def _straightness(a: Item, b: Item) -> int:
        return 2 if a.passing and b.passing else int(not (a.passing or b.passing))

    def _stack(self) -> None:
        """Give the layers their heights; where edges swing far they get more room."""
        y = 0.0
        reach = [0.0] * len(self.layers)
        for a, b, value in self.links:
            dx = abs(self._exit(a, value) - self._entry(b, value))
            reach[self.items[a].layer] = max(reach[self.items[a].layer], dx)
        for number, layer in enumerate(self.layers):
            height = max((self.items[i].height for i in layer), default=0.0)
            self.tops.append(y)
            self.heights.append(height)
            for i in layer:
                self.items[i].y = y + (height - self.items[i].height) / 2
            ports = any(self.items[i].port < 0 for i in layer)
            more = self.layers[number + 1] if number + 1 < len(self.layers) else []
            ports = ports or any(self.items[i].port > 0 for i in more)
            y += height + (GAP / 2 if ports else GAP) + min(reach[number] * 0.12, 3 * GAP)
        self.height = self.tops[-1] + self.heights[-1] if self.layers else 0.0

    def _exit(self, i: int, value: int) -> float:
        return self.items[i].x + self.items[i].exits.get(value, 0.0)

    def _entry(self, i: int, value: int) -> float:
        return self.items[i].x + self.items[i].entries.get(value, 0.0)

    # -- routes ----------------------------------------------------------------------------------------------------------

    def _spread(self) -> None:
        """Let several edges into one box end side by side, in the order in which they come."""
        arriving: dict[int, list[tuple[int, int]]] = {}
        for a, b, value in [*self.links, *((a, b, v) for a, b, v in self.given if (a, v) in self.lanes)]:
            arriving.setdefault(b, []).append((a, value))
        for i, item in enumerate(self.items):
            if item.passing or item.port or item.entries or i not in arriving:
                continue
            coming = {value: self._exit(a, value) for a, value in arriving[i]}
            step = min(18.0, item.width / (len(coming) + 1))
            for place, value in enumerate(sorted(coming, key=lambda v: (coming[v], v))):
                item.entries[value] = (place - (len(coming) - 1) / 2) * step

    def _draw(self) -> None:
        ends: dict[tuple[int, int], list[int]] = {}
        for a, b, value in self.given:
            ends.setdefault((a, value), []).append(b)
        for (a, value), bs in ends.items():
            if (a, value) in self.lanes:
                self.routes += [self._lane(a, b, value) for b in bs]
                continue
            first = True
            for b in sorted(bs, key=lambda b: -self.items[b].layer):
                near = self.items[b].layer == self.items[a].layer + 1
                self.routes.append(self._way(a, b, value, whole=first or near))
                first = False

    def _way(self, a: int, b: int, value: int, whole: bool) -> Route:
        """Return an edge's route; of one that is not ``whole``, the part behind where it leaves another's way."""
        trunk = self.trunks[a, value][: self.items[b].layer - self.items[a].layer]
        points = self._start(a, value) if whole else []
        for i in trunk[1:] if whole else trunk[-1:]:
            item = self.items[i]
            points += [(item.x, self.tops[item.layer]), (item.x, self._bottom(item.layer))]
        points = points if whole else points[-1:]
        return Route(value, a if whole else -1, b, [*points, *self._end(b, value)])

    def _lane(self, a: int, b: int, value: int) -> Route:
        x = 6.0 * (self.lanes[a, value] + 1)
        here, there = self.items[a].layer, self.items[b].layer
        if there == here + 1:
            return Route(value, a, b, [*self._start(a, value), *self._end(b, value)])
        swing = [(x, self.tops[here + 1]), (x, self._bottom(there - 1))]
        return Route(value, a, b, [*self._start(a, value), *swing, *self._end(b, value)])

    def _start(self, a: int, value: int) -> list[tuple[float, float]]:
        item, x = self.items[a], self._exit(a, value)
        return [(x, item.y + item.height), (x, self._bottom(item.layer))]

    def _end(self, b: int, value: int) -> list[tuple[float, float]]:
        item, x = self.items[b], self._entry(b, value)
        return [(x, self.tops[item.layer]), (x, item.y)]

    def _bottom(self, layer: int) -> float:
        return self.tops[layer] + self.heights[layer]
