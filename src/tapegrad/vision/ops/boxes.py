"""Boxes around objects: tensors (N, 4), by default (x min, y min, x max, y max)."""

from __future__ import annotations

import numpy as np

from ...core import Tensor, wrap
from ...errors import ArgumentError, ShapeError
from ...ops.join import cat, stack

__all__ = [
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "generalized_box_iou",
    "masks_to_boxes",
    "nms",
    "remove_small_boxes",
]

_FORMATS = ("xyxy", "xywh", "cxcywh")


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Return boxes in another form: corners (xyxy), a corner and the size (xywh), or the centre and the size (cxcywh).

    Raises ArgumentError for other forms. Source: https://pytorch.org/vision/stable/generated/torchvision.ops.box_convert.html

    >>> import tapegrad as tg
    >>> box_convert(tg.tensor([[1.0, 2.0, 5.0, 8.0]]), "xyxy", "cxcywh")
    tensor([[3., 5., 4., 6.]])
    """
    for form in (in_fmt, out_fmt):
        if form not in _FORMATS:
            raise ArgumentError("box_convert", f"there is no form '{form}'", "use " + ", ".join(_FORMATS))
    if in_fmt == out_fmt:
        return boxes.clone()
    a, b, c, d = boxes.unbind(-1)
    if in_fmt == "cxcywh":
        a, b, c, d = a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d
    elif in_fmt == "xywh":
        c, d = a + c, b + d
    if out_fmt == "cxcywh":
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
    elif out_fmt == "xywh":
        c, d = c - a, d - b
    return stack([a, b, c, d], dim=-1)


def box_area(boxes: Tensor, fmt: str = "xyxy") -> Tensor:
    """Return the area of each box: width times height.

    >>> import tapegrad as tg
    >>> box_area(tg.tensor([[1.0, 2.0, 5.0, 8.0]]))
    tensor([24.])
    """
    a, b, c, d = boxes.unbind(-1)
    return (c - a) * (d - b) if fmt == "xyxy" else c * d


def _overlaps(boxes1: Tensor, boxes2: Tensor, fmt: str) -> tuple[Tensor, Tensor]:
    """Return the areas (N, M) that boxes share, and that they cover together."""
    for boxes in (boxes1, boxes2):
        if boxes.ndim < 2 or boxes.shape[-1] != 4:
            raise ShapeError("box_iou", f"boxes have shape {tuple(boxes.shape)}", "give (boxes, 4)")
    first, second = (boxes if fmt == "xyxy" else box_convert(boxes, fmt, "xyxy") for boxes in (boxes1, boxes2))
    low = first[..., :, None, :2].maximum(second[..., None, :, :2])
    high = first[..., :, None, 2:].minimum(second[..., None, :, 2:])
    sides = (high - low).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    return shared, box_area(first)[..., :, None] + box_area(second)[..., None, :] - shared


def box_iou(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """Return the intersection over union (N, M) of each of N boxes with each of M.

    >>> import tapegrad as tg
    >>> box_iou(tg.tensor([[0.0, 0.0, 2.0, 2.0]]), tg.tensor([[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]]))
    tensor([[0.3333, 0.0000]])
    """
    shared, together = _overlaps(boxes1, boxes2, fmt)
    return shared / together


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Return IoU - (hull - union) / hull for each pair (N, M) of boxes, with the area of the box around both as hull.

    Source: H. Rezatofighi et al., "Generalized Intersection over Union" (2019), arXiv:1902.09630

    >>> import tapegrad as tg
    >>> generalized_box_iou(tg.tensor([[0.0, 0.0, 1.0, 1.0]]), tg.tensor([[1.0, 0.0, 3.0, 1.0]]))
    tensor([[0.]])
    """
    shared, together = _overlaps(boxes1, boxes2, "xyxy")
    low = boxes1[..., :, None, :2].minimum(boxes2[..., None, :, :2])
    high = boxes1[..., :, None, 2:].maximum(boxes2[..., None, :, 2:])
    sides = (high - low).clamp(min=0)
    hull = sides[..., 0] * sides[..., 1]
    return shared / together - (hull - together) / hull


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Return boxes of which nothing is outside of an image of ``size`` (height, width).

    >>> import tapegrad as tg
    >>> clip_boxes_to_image(tg.tensor([[-1.0, 2.0, 9.0, 9.0]]), (4, 6))
    tensor([[0., 2., 6., 4.]])
    """
    height, width = size
    x, y = boxes[..., 0::2].clamp(min=0, max=width), boxes[..., 1::2].clamp(min=0, max=height)
    return stack((x, y), dim=boxes.ndim).reshape(boxes.shape)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """Return the numbers of the boxes whose sides are both at least ``min_size``.

    >>> import tapegrad as tg
    >>> remove_small_boxes(tg.tensor([[0, 0, 1, 5], [0, 0, 2, 2]]), 2)
    tensor([1])
    """
    corners = boxes.array
    large = (corners[:, 2] - corners[:, 0] >= min_size) & (corners[:, 3] - corners[:, 1] >= min_size)
    return wrap(np.flatnonzero(large))


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Return the numbers of the boxes (N, 4) that stay, best ``scores`` (N,) first, when each discards those that it hides.

    A box hides those of lower score with which its intersection over union is above the threshold. Raises ShapeError for
    boxes and scores that do not belong together.
    Source: https://pytorch.org/vision/stable/generated/torchvision.ops.nms.html

    >>> import tapegrad as tg
    >>> boxes = tg.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0], [6.0, 6.0, 8.0, 8.0]])
    >>> nms(boxes, tg.tensor([0.5, 0.9, 0.1]), 0.5)
    tensor([1, 2])
    """
    if boxes.ndim != 2 or boxes.shape[1] != 4 or tuple(scores.shape) != (boxes.shape[0],):
        raise ShapeError(
            "nms", f"boxes have shape {tuple(boxes.shape)}, scores {tuple(scores.shape)}", "give (N, 4) and (N,)"
        )
    order = np.argsort(-scores.detach().array, kind="stable")
    corners = boxes.detach().array[order]
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    left = np.arange(len(order))
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(order[best])
        low = np.maximum(corners[best, :2], corners[left, :2])
        high = np.minimum(corners[best, 2:], corners[left, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        # Not by a quotient: boxes without an area hide nothing.
        left = left[shared <= iou_threshold * (areas[best] + areas[left] - shared)]
    return wrap(np.array(kept, dtype=np.int64))


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """Return :func:`nms` within each class alone; ``idxs`` (N,) are the classes.

    >>> import tapegrad as tg
    >>> boxes = tg.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0]])
    >>> batched_nms(boxes, tg.tensor([0.5, 0.9]), tg.tensor([0, 1]), 0.5)
    tensor([1, 0])
    """
    if boxes.numel() == 0:
        return wrap(np.zeros(0, np.int64))
    # Classes are moved so far apart that their boxes do not meet.
    shift = idxs.detach().array[:, None].astype(boxes.dtype) * (boxes.detach().array.max() + 1)
    return nms(wrap(boxes.detach().array + shift), scores, iou_threshold)


def masks_to_boxes(masks: Tensor) -> Tensor:
    """Return the box (N, 4) around what is not zero in each of the masks (N, H, W), as float32.

    >>> import tapegrad as tg
    >>> masks_to_boxes(tg.tensor([[[0, 1, 1], [0, 1, 0]]]))
    tensor([[1., 0., 2., 1.]])
    """
    inside = masks.array != 0
    parts = []
    for axis in (1, 2):
        seen = inside.any(axis=axis)
        first, last = seen.argmax(axis=1), seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
        parts.append(np.stack([first, last], axis=1))
    x, y = parts
    return wrap(np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1).astype(np.float32))


def with_numbers(who: str, boxes: Tensor | list[Tensor]) -> Tensor:
    """Return boxes (K, 5) with the number of their image in front, of such or of a list with the boxes of each image."""
    if isinstance(boxes, Tensor):
        if boxes.ndim != 2 or boxes.shape[1] != 5:
            raise ShapeError(who, f"boxes have shape {tuple(boxes.shape)}", "give (K, 5), or a list of (K, 4)")
        return boxes
    if any(b.ndim != 2 or b.shape[1] != 4 for b in boxes):
        raise ShapeError(who, f"boxes have shapes {[tuple(b.shape) for b in boxes]}", "give (K, 4) for each image")
    numbers = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    together = cat(list(boxes), 0)
    return wrap(np.concatenate([numbers[:, None].astype(together.dtype), together.detach().array], axis=1))
