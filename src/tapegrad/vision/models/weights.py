"""Published weights by name: which file they lie in, and how images are prepared for them."""

from __future__ import annotations

import enum
import functools
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...core import Tensor
from ...errors import ArgumentError, DataError, did_you_mean
from ...nn import Module
from ..transforms import functional as F  # noqa: N812 - the field's name for it

__all__ = ["ImageClassification", "Weights", "WeightsEnum", "builder", "published"]

_SITE = "https://download.pytorch.org/models/"
IMAGENET_CLASSES = 1000

# Models by name, and the weights published for each: what get_model and list_models look in.
BUILDERS: dict[str, Callable[..., Module]] = {}
PUBLISHED: dict[str, type[WeightsEnum]] = {}


class ImageClassification(Module):
    """What weights trained on ImageNet expect: the shorter edge to ``resize_size``, the middle, floats, ``(x - mean) / std``.

    >>> import tapegrad as tg
    >>> ImageClassification(crop_size=224)(tg.zeros(3, 300, 400, dtype="uint8")).shape
    tapegrad.Size([3, 224, 224])
    """

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: tuple[float, ...] = (0.485, 0.456, 0.406),
        std: tuple[float, ...] = (0.229, 0.224, 0.225),
        interpolation: Any = F.InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ):
        super().__init__()
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: Any) -> Tensor:
        img = F.resize(img, self.resize_size, interpolation=self.interpolation, antialias=self.antialias)
        img = F.center_crop(img, self.crop_size)
        if not isinstance(img, Tensor):
            img = F.pil_to_tensor(img)
        return F.normalize(F.convert_image_dtype(img), mean=self.mean, std=self.std)

    def __repr__(self) -> str:
        names = ("crop_size", "resize_size", "mean", "std", "interpolation")
        return f"{type(self).__name__}(" + "".join(f"\n    {n}={getattr(self, n)}" for n in names) + "\n)"


class Weights(NamedTuple):
    """Where weights are published, how images are prepared for them, and what is known about them."""

    url: str
    transforms: Callable[..., Any]
    meta: Mapping[str, Any]


class WeightsEnum(enum.Enum):
    """The published weights of a model; ``DEFAULT`` is the best. Nothing is downloaded: files that are there are read."""

    @classmethod
    def verify(cls, obj: Any) -> Any:
        """Return a member, or the one of a name such as ``"DEFAULT"``; None for None.

        Raises ArgumentError for other names and for the weights of other models.
        """
        if obj is None or isinstance(obj, cls):
            return obj
        name = str(obj).removeprefix(f"{cls.__name__}.")
        if name not in cls.__members__:
            raise ArgumentError(cls.__name__, f"there are no weights {obj}", did_you_mean(name, cls.__members__))
        return cls[name]

    @property
    def url(self) -> str:
        """The address that the weights are published at."""
        return self.value.url

    @property
    def transforms(self) -> Callable[..., Any]:
        """What makes the transform of images for these weights."""
        return self.value.transforms

    @property
    def meta(self) -> Mapping[str, Any]:
        """What is known about the weights: the number of classes."""
        return self.value.meta

    def get_state_dict(self, progress: bool = True, check_hash: bool = False) -> dict[str, Any]:
        """Return the weights from ``hub.get_dir()/checkpoints``, or ``checkpoints`` or the top folder of TAPEGRAD_DATA.

        Raises DataError, with the address of the file and the place to put it, when it is in none of them.
        """
        import tapegrad

        name = self.url.rsplit("/", 1)[1]
        folder = pathlib.Path(tapegrad.hub.get_dir()) / "checkpoints"
        shared = os.environ.get("TAPEGRAD_DATA")
        folders = [folder, *([pathlib.Path(shared) / "checkpoints", pathlib.Path(shared)] if shared else [])]
        path = next((f / name for f in folders if (f / name).is_file()), None)
        if path is None:
            raise DataError(
                f"{type(self).__name__}.{self.name}",
                f"nothing is downloaded, and there is no {name} in {folder}",
                f"put {self.url} there, or build with weights=None and model.load_state_dict(load(path))",
            )
        return tapegrad.load(path)


def published(name: str, **files: tuple[str, int]) -> Any:
    """Return the enumeration ``name`` of weights: for each a file's name, and to how many pixels images are resized.

    The last one is also its ``DEFAULT``.
    """
    members: dict[str, Weights] = {}
    for member, (file, pixels) in files.items():
        transforms = functools.partial(ImageClassification, crop_size=224, resize_size=pixels)
        members["DEFAULT"] = members[member] = Weights(_SITE + file, transforms, {"num_classes": IMAGENET_CLASSES})
    # A second name for the same value is an alias, and the first stays the member's own.
    members["DEFAULT"] = members.pop("DEFAULT")
    return WeightsEnum(name, members, module=__name__)  # type: ignore[call-arg]


def builder(weights_kind: type[WeightsEnum]) -> Callable[[Callable[..., Module]], Callable[..., Any]]:
    """Register a function that builds a model and takes ``weights``; loads those into what it returns.

    ``pretrained=True``, torchvision's former argument, is ``weights="DEFAULT"``. Raises ArgumentError for weights that the
    model has not, or with another number of classes than they have.
    """

    def decorate(function: Callable[..., Module]) -> Callable[..., Any]:
        name = function.__name__

        @functools.wraps(function)
        def build(*args: Any, **options: Any) -> Module:
            if len(args) > 2:
                raise ArgumentError(
                    name, f"{len(args)} positional arguments", "give weights and progress, others by name"
                )
            options.update(zip(("weights", "progress"), args, strict=False))
            wanted = options.pop("weights", None) or options.pop("pretrained", None)
            options.pop("pretrained", None)
            weights = weights_kind.verify("DEFAULT" if wanted is True else wanted or None)
            if weights is None:
                return function(**options)
            classes = weights.meta["num_classes"]
            if options.setdefault("num_classes", classes) != classes:
                raise ArgumentError(
                    name,
                    f"num_classes is {options['num_classes']}, the weights have {classes}",
                    "load them without num_classes, then replace the last layer",
                )
            state = weights.get_state_dict()
            model = function(**options)
            rename = getattr(model, "published_names", None)
            model.load_state_dict(rename(state) if rename else state)
            return model

        BUILDERS[name], PUBLISHED[name] = build, weights_kind
        return build

    return decorate
