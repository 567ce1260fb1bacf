"""``torch.utils.data._utils.worker``."""

from ..workers import WorkerInfo, get_worker_info

__all__ = ["WorkerInfo", "get_worker_info"]
