"""``torch.hub``: weights and code from the network. Nothing is downloaded here; files that are there are read.

``hub.tqdm`` shows progress when the package ``tqdm`` is installed, and else hands on what it is given.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import urlparse

from tapegrad.errors import MissingMethodError

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

_chosen: str | None = None
# The sum that PyTorch's files bear in their names: ``resnet18-f37072fd.pth``.
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")


def get_dir() -> str:
    """Return the folder of files from elsewhere: what :func:`set_dir` set, ``TORCH_HOME/hub``, or ``~/.cache/torch/hub``."""
    if _chosen is not None:
        return _chosen
    return os.path.join(_get_torch_home(), "hub")


def _get_torch_home() -> str:
    """Return the folder that :func:`get_dir` is in unless it was set."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")))


def set_dir(d: str | os.PathLike) -> None:
    """Set the folder of files from elsewhere."""
    global _chosen
    _chosen = os.path.expanduser(d)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> dict[str, Any]:
    """Return the ``state_dict`` of the file that was downloaded from ``url`` before, by whomever.

    It is looked for in ``model_dir``, by default ``checkpoints`` in :func:`get_dir`. Raises MissingMethodError with the
    place to put it when it is not there.
    """
    import tapegrad

    folder = pathlib.Path(model_dir or os.path.join(get_dir(), "checkpoints"))
    path = folder / (file_name or os.path.basename(urlparse(url).path))
    if not path.is_file():
        raise MissingMethodError(
            "load_state_dict_from_url", f"nothing is downloaded, and {path} is not there", f"put {url} there"
        )
    return tapegrad.load(path, map_location=map_location)


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> NoReturn:
    """Raise MissingMethodError: nothing is downloaded."""
    raise MissingMethodError("download_url_to_file", "nothing is downloaded", f"save {url} as {dst}")


def load(repo_or_dir: str, model: str, *args: Any, **options: Any) -> NoReturn:
    """Raise MissingMethodError: code from the network is not run."""
    raise MissingMethodError(
        "hub.load", f"code of '{repo_or_dir}' is not fetched and run", "import the model from a file of your own"
    )


def list(github: str, *args: Any, **options: Any) -> NoReturn:
    """Raise MissingMethodError, as :func:`load`."""
    raise MissingMethodError("hub.list", f"'{github}' is not looked at", "look at it in a browser")


def help(github: str, model: str, *args: Any, **options: Any) -> NoReturn:
    """Raise MissingMethodError, as :func:`load`."""
    raise MissingMethodError("hub.help", f"'{github}' is not looked at", "look at it in a browser")


class _Silent:
    """Stands for tqdm's bar where the package is not installed: hands on what it is given and shows nothing."""

    def __init__(self, iterable: Any = None, *args: Any, total: int | None = None, **options: Any):
        self.iterable: Any = iterable
        self.total = total
        self.n = 0

    def __iter__(self) -> Iterator[Any]:
        for item in self.iterable:
            yield item
            self.n += 1

    def __len__(self) -> int:
        return len(self.iterable) if self.iterable is not None else self.total or 0

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def update(self, n: int = 1) -> None:
        """Count."""
        self.n += n

    def close(self) -> None:
        """Do nothing."""

    def set_postfix(self, ordered_dict: Any = None, refresh: bool = True, **figures: Any) -> None:
        """Do nothing."""

    def set_description(self, desc: str | None = None, refresh: bool = True) -> None:
        """Do nothing."""

    @classmethod
    def write(cls, s: str, *args: Any, **options: Any) -> None:
        """Print a line."""
        print(s)


def __getattr__(name: str) -> Any:
    if name == "tqdm":
        try:
            from tqdm import tqdm  # type: ignore[import-not-found]
        except ImportError:
            return _Silent
        return tqdm
    raise AttributeError(f"module 'tapegrad.hub' has no attribute '{name}'")
