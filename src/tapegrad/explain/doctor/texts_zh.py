"""The findings in Chinese; see the English texts."""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = {
    # -- before the training ------------------------------------------------------------------------------------------
    "start-loss": {
        "title": "初始损失过高",
        "message": (
            "第一批数据的损失为 {loss}，而在 {classes} 个类别中随机猜测时应为 ln {classes} = {expected}。"
            "网络尚未学习就对错误答案十分确信：初始权重或输入过大。"
        ),
    },
}
