"""Nested lists, tuples and dicts of anything: flat, and back. ``torch.utils._pytree``, as far as scripts use it.

>>> leaves, spec = tree_flatten({"b": [1, (2,)], "a": 3})
>>> leaves, tree_unflatten([10, 20, 30], spec)
([1, 2, 3], {'b': [10, (20,)], 'a': 30})
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import UsageError

__all__ = [
    "PyTree",
    "TreeSpec",
    "tree_all",
    "tree_any",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_structure",
    "tree_unflatten",
]

PyTree = Any
_DICTS = (dict, OrderedDict, defaultdict)


class TreeSpec:
    """How values are nested: the kind of each container and what is in it; a leaf is one with ``type`` None."""

    def __init__(self, type: Any, context: Any, children: list[TreeSpec]):
        self.type = type
        self.context = context
        self.children_specs = children
        self.num_leaves = 1 if type is None else sum(child.num_leaves for child in children)

    def is_leaf(self) -> bool:
        """Return whether it stands for one value."""
        return self.type is None

    def unflatten(self, leaves: Iterable) -> Any:
        """Return :func:`tree_unflatten`."""
        return tree_unflatten(leaves, self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreeSpec) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((self.type, self.num_leaves))

    def _parts(self) -> tuple:
        return self.type, self.context, self.children_specs

    def __repr__(self) -> str:
        return "*" if self.type is None else f"TreeSpec({self.type.__name__}, {self.context}, {self.children_specs})"


def _opened(value: Any) -> tuple[list, Any] | None:
    """Return what is in a container and what else is needed to make it anew; None for a leaf."""
    kind = type(value)
    if kind in _DICTS:
        return list(value.values()), (list(value), getattr(value, "default_factory", None))
    return (
        (list(value), None)
        if kind in (list, tuple) or (isinstance(value, tuple) and hasattr(kind, "_fields"))
        else None
    )


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list, TreeSpec]:
    """Return the leaves in order, and how they were nested. ``is_leaf(value)`` stops above what is a leaf by itself."""
    leaves: list = []

    def spec(value: Any) -> TreeSpec:
        opened = None if is_leaf is not None and is_leaf(value) else _opened(value)
        if opened is None:
            leaves.append(value)
            return TreeSpec(None, None, [])
        return TreeSpec(type(value), opened[1], [spec(item) for item in opened[0]])

    # The specification is made first: making it fills the leaves.
    made = spec(tree)
    return leaves, made


def tree_unflatten(leaves: Iterable, treespec: TreeSpec) -> Any:
    """Return other leaves in the same nesting. Raises UsageError when there are more or fewer."""
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise UsageError("tree_unflatten", f"{len(leaves)} leaves for {treespec.num_leaves} places", "give as many")
    return _built(treespec, iter(leaves))


def _built(spec: TreeSpec, leaves: Any) -> Any:
    if spec.type is None:
        return next(leaves)
    items = [_built(child, leaves) for child in spec.children_specs]
    if spec.type in _DICTS:
        keys, default = spec.context
        made = defaultdict(default) if spec.type is defaultdict else spec.type()
        made.update(zip(keys, items, strict=True))
        return made
    return spec.type(*items) if hasattr(spec.type, "_fields") else spec.type(items)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list:
    """Return the leaves in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> TreeSpec:
    """Return how the leaves are nested."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable, tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Return ``func`` of each leaf, with those at the same place in ``rests``, in the same nesting."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_leaves(rest, is_leaf) for rest in rests]
    return tree_unflatten([func(*values) for values in zip(leaves, *others, strict=True)], spec)


def tree_map_(func: Callable, tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Call ``func`` for each leaf, as :func:`tree_map`, and return the tree itself."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(kind: Any, func: Callable, tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Return ``func`` of each leaf that is of a type, and the other leaves as they are."""
    return tree_map(lambda leaf: func(leaf) if isinstance(leaf, kind) else leaf, tree, is_leaf=is_leaf)


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Return whether ``pred`` is true of a leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Return whether ``pred`` is true of all leaves."""
    return all(map(pred, tree_leaves(tree, is_leaf)))
