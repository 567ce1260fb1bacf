"""The words of labels in English and Chinese, shared by pictures, tables and reports."""

from __future__ import annotations

from ..errors import ArgumentError, did_you_mean

__all__ = ["LANGUAGES", "WORDS", "word"]

LANGUAGES = ("en", "zh")

# key: (English, Chinese). Keys that are no plain English are the ones that records and metrics use.
WORDS: dict[str, tuple[str, str]] = {
    "accuracy": ("accuracy", "准确率"),
    "activation": ("activation", "激活值"),
    "auroc": ("AUROC", "AUROC"),
    "dead_share": ("share of dead units", "失活单元比例"),
    "epoch": ("epoch", "轮次"),
    "f1": ("F1", "F1 值"),
    "fitted": ("fitted", "拟合"),
    "gradient": ("gradient", "梯度"),
    "gradient_norm": ("gradient norm", "梯度范数"),
    "how to read a strip": (
        "the darker, the more values; lines at the 5th, 50th and 95th percentile",
        "颜色越深数值越多；线为第 5、50、95 百分位数",
    ),
    "input": ("input", "输入"),
    "learning rate": ("learning rate", "学习率"),
    "largest weights": ("the {shown} largest of {total}", "{total} 个中权重最大的 {shown} 个"),
    "loss": ("loss", "损失"),
    "mae": ("mean absolute error", "平均绝对误差"),
    "mean absolute residual": ("mean absolute residual", "平均绝对残差"),
    "most confident": ("the {shown} most confident of {total} mistakes", "{total} 个错误中置信度最高的 {shown} 个"),
    "mse": ("mean squared error", "均方误差"),
    "no data": ("no data", "无数据"),
    "no mistakes": ("no mistakes", "没有分错的样本"),
    "output": ("output", "输出"),
    "penalty": ("penalty", "正则项"),
    "precision": ("precision", "精确率"),
    "predicted": ("predicted", "预测"),
    "r2": ("R²", "R²"),
    "rate": ("learning rate", "学习率"),
    "recall": ("recall", "召回率"),
    "residual": ("residual", "残差"),
    "samples": ("samples", "样本"),
    "saturated_share": ("share of saturated units", "饱和单元比例"),
    "scaled_accuracy": ("accuracy", "准确率"),
    "seconds": ("seconds", "秒"),
    "share of the true class": ("share of the true class", "占真实类别的比例"),
    "step": ("step", "步"),
    "suggested": ("suggested", "建议值"),
    "target": ("target", "目标值"),
    "test": ("test", "测试"),
    "top_k": ("top-k accuracy", "前 k 准确率"),
    "training": ("training", "训练"),
    "true": ("true", "真实"),
    "update_ratio": ("update / weight", "更新量与权重之比"),
    "validation": ("validation", "验证"),
    "weight": ("weight", "权重"),
    "weight_norm": ("weight norm", "权重范数"),
}


def word(key: str, lang: str = "en") -> str:
    """Return a label in a language; a key that is not known is its own label, with spaces for underscores.

    ``valid_`` before a key says that it was measured on the validation set, ``test_`` and ``train_`` likewise.
    Raises ArgumentError for a language other than ``"en"`` and ``"zh"``.

    >>> word("learning rate", "zh"), word("valid_accuracy"), word("grad_noise")
    ('学习率', 'validation accuracy', 'grad noise')
    """
    if lang not in LANGUAGES:
        raise ArgumentError("words", f"there is no language '{lang}'", did_you_mean(lang, LANGUAGES))
    chinese = lang == "zh"
    key = key if key in WORDS else key.replace(" ", "_")
    if key in WORDS:
        return WORDS[key][chinese]
    for prefix, part in (("valid_", "validation"), ("test_", "test"), ("train_", "training")):
        if key.startswith(prefix) and len(key) > len(prefix):
            return WORDS[part][chinese] + ("" if chinese else " ") + word(key.removeprefix(prefix), lang)
    return key.replace("_", " ")
