"""Where the boxes and frames of a drawing lie: each frame is a level of its own, arranged from the inside out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from .layers import Item, Level, Route

__all__ = ["Layout", "Path", "Rectangle", "Rows", "arrange", "rows"]

# Space within a frame around what lies in it, and the height of its title.
PADDING, TITLE = 12.0, 20.0
_PORT = 10.0


@dataclasses.dataclass
class Rectangle:
    """Where a box or frame lies; ``title``: the x at which a frame's title begins."""

    x: float
    y: float
    width: float
    height: float
    title: float = 0.0


@dataclasses.dataclass
class Path:
    """A piece of an edge: points between which it runs straight down or swings over; ``arrow``: whether it ends in a box."""

    source: int
    points: list[tuple[float, float]]
    arrow: bool


@dataclasses.dataclass
class Rows:
    """The order of a frame's contents: rows from the top, and links between neighbouring rows as (from, to, value).

    Contents: ``("box", number)``, ``("in", value)`` and ``("out", value)`` where an edge enters or leaves the frame, and
    ``("via", number)`` where one passes a row.
    """

    rows: list[list[tuple]]
    links: list[tuple[tuple, tuple, int]]


@dataclasses.dataclass
class Layout:
    """Rectangles in the order of the boxes, the paths of the edges, and the size of the whole."""

    rectangles: list[Rectangle]
    paths: list[Path]
    width: float
    height: float


def arrange(
    parents: Sequence[int],
    frames: Sequence[bool],
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
) -> Layout:
    """Return a layout in which no two boxes overlap, and no edge runs through a box that it does not end in.

    ``parents``: the frame around each box (-1: none), given before it; ``sizes``: of the boxes, and of the titles of
    frames; ``edges``: between boxes that are no frames, from one to a later one.

    >>> layout = arrange([-1, -1], [False, False], [(80, 30), (60, 30)], [(0, 1)])
    >>> [(r.x, r.width) for r in layout.rectangles], layout.rectangles[1].y > 30
    ([(0.0, 80), (10.0, 60)], True)
    """
    return _Arrangement(parents, frames, sizes, edges).layout()


def rows(parents: Sequence[int], frames: Sequence[bool], edges: Sequence[tuple[int, int]]) -> dict[int, Rows]:
    """Return what a reader that finds the coordinates himself needs: the rows of each frame (-1: the whole), and its links.

    Arguments as for :func:`arrange`.
    """
    arrangement = _Arrangement(parents, frames, [(60.0, 30.0)] * len(parents), edges)
    arrangement.layout()
    return {frame: _rows(arrangement, frame) for frame in arrangement.inside}


def _rows(arrangement: _Arrangement, frame: int) -> Rows:
    level, keys = arrangement.levels[frame], arrangement.keys[frame]
    passing = {i: ("via", i) for i in range(len(keys), len(level.items))}
    names = dict(enumerate(keys)) | passing
    links = [(names[a], names[b], value) for a, b, value in level.links]
    return Rows([[names[i] for i in layer] for layer in level.layers], links)


class _Arrangement:
    def __init__(self, parents: Sequence[int], frames: Sequence[bool], sizes: Sequence, edges: Sequence):
        self.parents = parents
        self.frames = frames
        self.sizes = sizes
        self.edges = edges
        # By frame (-1: the whole): the boxes in it, its edges, and its ports: ("in" or "out", value) -> item.
        self.inside: dict[int, list[int]] = {-1: []}
        self.crossing: dict[int, dict[tuple, None]] = {-1: {}}
        for i, parent in enumerate(parents):
            self.inside[parent].append(i)
            if frames[i]:
                self.inside[i], self.crossing[i] = [], {}
        self.levels: dict[int, Level] = {}
        self.keys: dict[int, list[tuple]] = {}
        # How far from a frame's left side its level begins.
        self.shifts: dict[int, float] = {}
        self.rectangles = [Rectangle(0.0, 0.0, *size) for size in sizes]

    def layout(self) -> Layout:
        self._share_edges()
        for frame in sorted(self.inside, reverse=True):
            self._arrange(frame)
        paths: list[Path] = []
        top = self.levels[-1]
        for frame in sorted(self.inside):
            paths += self._settle(frame)
        return Layout(self.rectangles, paths, top.width, top.height)

    def _share_edges(self) -> None:
        """Cut each edge at the frames that it leaves and enters; each piece belongs to one level."""
        for a, b in self.edges:
            up, down = self._frames_around(a), self._frames_around(b)
            common = 0
            while common < min(len(up), len(down)) and up[common] == down[common]:
                common += 1
            source: tuple = ("box", a)
            for frame in reversed(up[common:]):
                self.crossing[frame][source, ("out", a), a] = None
                source = ("box", frame)
            target: tuple = ("box", b)
            for frame in reversed(down[common:]):
                self.crossing[frame][("in", a), target, a] = None
                target = ("box", frame)
            self.crossing[up[common - 1]][source, target, a] = None

    def _frames_around(self, box: int) -> list[int]:
        """Return the frames around a box, the outermost first; the whole is the first of them."""
        way = []
        frame = self.parents[box]
        while frame >= 0:
            way.append(frame)
            frame = self.parents[frame]
        return [-1, *reversed(way)]

    def _arrange(self, frame: int) -> None:
        edges = list(self.crossing[frame])
        ports = dict.fromkeys(end for a, b, _ in edges for end in (a, b) if end[0] != "box")
        keys = [p for p in ports if p[0] == "in"] + [("box", i) for i in self.inside[frame]]
        keys += [p for p in ports if p[0] == "out"]
        place = {key: i for i, key in enumerate(keys)}
        items = [self._item(key) for key in keys]
        level = Level(items, [(place[a], place[b], value) for a, b, value in edges])
        level.arrange()
        self.levels[frame], self.keys[frame] = level, keys
        if frame >= 0:
            self._close(frame, level)

    def _item(self, key: tuple) -> Item:
        if key[0] != "box":
            return Item(_PORT, 0.0, port=-1 if key[0] == "in" else 1)
        rectangle = self.rectangles[key[1]]
        item = Item(rectangle.width, rectangle.height)
        if self.frames[key[1]]:
            for (side, value), x in self._ports(key[1]).items():
                ends = item.entries if side == "in" else item.exits
                ends[value] = x + self.shifts[key[1]] - rectangle.width / 2
        return item

    def _ports(self, frame: int) -> dict[tuple, float]:
        level = self.levels[frame]
        return {key: level.items[i].x for i, key in enumerate(self.keys[frame]) if key[0] != "box"}

    def _close(self, frame: int, level: Level) -> None:
        """Give a frame its size, and its title a place that no edge runs through: left of those that enter, or right."""
        title = self.sizes[frame][0]
        inner = level.width + 2 * PADDING
        entries = [x + PADDING for key, x in self._ports(frame).items() if key[0] == "in"]
        begin, shift = 8.0, max(0.0, title + 16.0 - min(entries)) if entries else 0.0
        behind = max(entries, default=0.0) + 8.0
        if max(inner, behind + title + 8.0) < inner + shift:
            begin, shift = behind, 0.0
        ends = any(key[0] == "out" for key in self.keys[frame])
        height = level.height + TITLE + (0.0 if entries else 4.0) + (0.0 if ends else PADDING)
        self.shifts[frame] = PADDING + shift
        self.rectangles[frame] = Rectangle(0.0, 0.0, max(inner + shift, begin + title + 8.0), height, begin)

    def _settle(self, frame: int) -> list[Path]:
        """Put a frame's level where the frame lies, and return the paths in it."""
        around = self.rectangles[frame] if frame >= 0 else Rectangle(0.0, 0.0, 0.0, 0.0)
        dx = around.x + self.shifts.get(frame, 0.0)
        entered = any(key[0] == "in" for key in self.keys[frame])
        dy = around.y + (TITLE + (0.0 if entered else 4.0) if frame >= 0 else 0.0)
        level = self.levels[frame]
        for item, key in zip(level.items, self.keys[frame], strict=False):
            if key[0] == "box":
                rectangle = self.rectangles[key[1]]
                rectangle.x, rectangle.y = item.x - item.width / 2 + dx, item.y + dy
        return [self._path(frame, route, dx, dy) for route in level.routes]

    def _path(self, frame: int, route: Route, dx: float, dy: float) -> Path:
        keys, items = self.keys[frame], self.levels[frame].items
        points = [(x + dx, y + dy) for x, y in route.points]
        if route.source >= 0 and items[route.source].port < 0:
            points = [(points[0][0], self.rectangles[frame].y), *points]
        kind, target = keys[route.target]
        return Path(route.value, points, kind == "box" and not self.frames[target])
