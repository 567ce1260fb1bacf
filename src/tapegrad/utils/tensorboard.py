"""``torch.utils.tensorboard``: figures, distributions and pictures in files that TensorBoard shows."""

from __future__ import annotations

import datetime
import io
import os
import socket
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core import Tensor
from ..errors import MissingExtraError, ShapeError
from ..formats.events import EventWriter, histogram, image, scalar, text

__all__ = ["SummaryWriter"]


class SummaryWriter:
    """Writes an event file into ``log_dir``, by default ``runs/DATE_HOST`` and the comment.

    Every call is in the file when it returns. ``add_graph``, ``add_embedding`` and ``add_mesh`` write nothing.

    >>> import pathlib, tempfile
    >>> from tapegrad.utils.tensorboard import SummaryWriter
    >>> folder = tempfile.mkdtemp()
    >>> with SummaryWriter(folder) as writer:
    ...     writer.add_scalar("loss", 0.5, global_step=1)
    >>> len(list(pathlib.Path(folder).glob("events.out.tfevents.*")))
    1

    Source: https://docs.pytorch.org/docs/stable/tensorboard.html
    """

    def __init__(
        self,
        log_dir: str | os.PathLike | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ):
        if not log_dir:
            now = datetime.datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir)
        self._writers = {"": EventWriter(self.log_dir, purge_step)}

    def get_logdir(self) -> str:
        """Return the folder."""
        return self.log_dir

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Write a number."""
        self._add(global_step, scalar(tag, float(scalar_value)))

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Write numbers that one picture shows, each into a folder of its own."""
        for name, value in tag_scalar_dict.items():
            folder = f"{main_tag.replace('/', '_')}_{name}"
            self._add(global_step, scalar(main_tag, float(value)), folder=folder)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Write the distribution of numbers."""
        self._add(global_step, histogram(tag, _array(values)))

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Write a picture: numbers from 0 to 1, or bytes. ``dataformats`` names the dimensions: CHW, HWC or HW."""
        self._add(global_step, _picture(tag, _in_rows(_array(img_tensor), dataformats)))

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Write pictures side by side."""
        order = dataformats.upper()
        pictures = np.moveaxis(_array(img_tensor), order.index("N"), 0)
        rows = [_in_rows(picture, order.replace("N", "")) for picture in pictures]
        self._add(global_step, _picture(tag, np.concatenate(rows, axis=1)))

    def add_figure(
        self, tag: str, figure: Any, global_step: int | None = None, close: bool = True, walltime: float | None = None
    ) -> None:
        """Write a figure of matplotlib, and close it."""
        for one in figure if isinstance(figure, list) else [figure]:
            one.canvas.draw()
            width, height = one.canvas.get_width_height()
            encoded = io.BytesIO()
            one.savefig(encoded, format="png")
            self._add(global_step, image(tag, encoded.getvalue(), height, width, 4))
            if close:
                from matplotlib import pyplot

                pyplot.close(one)

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Write a text, which is shown as Markdown."""
        self._add(global_step, text(f"{tag}/text_summary", text_string))

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Any = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """Write settings as a table in Markdown, and the measured values as numbers."""
        rows = "".join(f"| {name} | {value} |\n" for name, value in hparam_dict.items())
        self._add(global_step, text("hparams", f"| setting | value |\n| --- | --- |\n{rows}"))
        for name, value in metric_dict.items():
            self.add_scalar(name, value, global_step)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Write the average precision: the mean precision over the recall's steps."""
        order = np.argsort(-_array(predictions).ravel(), kind="stable")
        hits = _array(labels).ravel()[order].astype(np.float64)
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        self.add_scalar(f"{tag}/average_precision", float((precision * hits).sum() / max(hits.sum(), 1)), global_step)

    def add_graph(self, model: Any, input_to_model: Any = None, *args: Any, **options: Any) -> None:
        """Write nothing."""

    def add_embedding(self, mat: Any, *args: Any, **options: Any) -> None:
        """Write nothing."""

    def add_mesh(self, tag: str, vertices: Any, *args: Any, **options: Any) -> None:
        """Write nothing."""

    def flush(self) -> None:
        """Do nothing: nothing waits."""

    def close(self) -> None:
        """Do nothing: no file is open."""

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _add(self, step: int | None, *values: bytes, folder: str = "") -> None:
        if folder not in self._writers:
            self._writers[folder] = EventWriter(os.path.join(self.log_dir, folder))
        self._writers[folder].add(0 if step is None else int(step), *values)


def _array(values: Any) -> np.ndarray:
    return values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _in_rows(picture: np.ndarray, dataformats: str) -> np.ndarray:
    """Return bytes of height, width and channels."""
    order = dataformats.upper()
    if len(order) != picture.ndim or set(order) not in ({"H", "W", "C"}, {"H", "W"}):
        raise ShapeError(
            "add_image", f"the shape is {picture.shape}, and dataformats is '{dataformats}'", "name each dimension"
        )
    if "C" not in order:
        picture, order = picture[..., None], order + "C"
    picture = picture.transpose([order.index(axis) for axis in "HWC"])
    if picture.dtype != np.uint8:
        picture = np.clip(np.nan_to_num(picture) * 255, 0, 255).astype(np.uint8)
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture


def _picture(tag: str, rows: np.ndarray) -> bytes:
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("add_image", "pillow", "lab") from None
    encoded = io.BytesIO()
    Image.fromarray(rows).save(encoded, format="png")
    height, width, channels = rows.shape
    return image(tag, encoded.getvalue(), height, width, channels)
