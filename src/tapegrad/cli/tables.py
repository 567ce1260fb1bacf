"""Inspections as tables: with lines on a terminal, in plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["show_inspection", "show_suspects", "show_table"]

# What is said in English: (the words, in Chinese).
_WORDS = {
    "part": "部分",
    "train": "训练",
    "valid": "验证",
    "test": "测试",
    "samples": "样本数",
    "shape": "形状",
    "values": "取值",
    "mean": "均值",
    "std": "标准差",
    "missing": "缺失",
    "blank": "空白",
    "copies": "重复",
    "conflicts": "标签冲突",
    "class": "类别",
    "column": "列",
    "min": "最小",
    "max": "最大",
    "different": "不同取值",
    "constant": "常数",
    "yes": "是",
    "imbalance (largest class by smallest)": "不均衡（最大类与最小类之比）",
    "equal samples under different labels": "内容相同而标签不同的样本",
    "{second} samples that are in {first} too: {count}": "也在{first}集中的{second}样本: {count}",
    " ({other} under another label)": " (其中标签不同的 {other})",
    "classification": "分类",
    "regression": "回归",
    "target": "目标",
    "position": "位置",
    "label": "标签",
    "network": "网络判断",
    "probability": "概率",
    "score": "得分",
    "{samples} samples; the network disagrees with {disagreeing} labels": "共 {samples} 个样本；网络不同意 {disagreeing} 个标签",
    "; {estimated} are probably wrong (confident learning)": "；其中约 {estimated} 个可能有误（置信学习）",
}
_MOST_CONFLICTS = 10
_MOST_SUSPECTS = 20


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print a table; the first ``left`` columns begin at the left, the others end at the right."""
    terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False, padding=(0, 2, 0, 0))
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i < left else "right", overflow="fold", no_wrap=i > 0)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, width=None if terminal else 1000).print(table)


def show_inspection(report: dict[str, Any], lang: str = "en") -> None:
    """Print what ``inspect_source`` measured."""

    def say(text: str) -> str:
        return text if lang == "en" else _WORDS[text]

    print(f"{report['set']}: {say(report['task'])}")
    _show_parts(report, say)
    if report["classes"] is not None:
        _show_classes(report, say)
    if "columns" in report:
        _show_columns(report["columns"], say)
    _show_findings(report, say)


def show_suspects(report: dict[str, Any], lang: str = "en") -> None:
    """Print how many labels are doubted, and the most doubtful."""

    def say(text: str) -> str:
        return text if lang == "en" else _WORDS[text]

    counts = {key: f"{report.get(key, 0):,}" for key in ("samples", "disagreeing", "estimated")}
    line = say("{samples} samples; the network disagrees with {disagreeing} labels").format(**counts)
    if "estimated" in report:
        line += say("; {estimated} are probably wrong (confident learning)").format(**counts)
    print(line)
    rows = []
    for entry in report["suspects"][:_MOST_SUSPECTS]:
        names = [entry.get(f"{key}_name") or _number(entry[key]) for key in ("label", "predicted")]
        sure = [f"{entry['probability']:.3f}"] if "probability" in entry else []
        rows.append([str(entry["index"]), *names, *sure, f"{entry['score']:.4f}"])
    headings = ["position", "label", "network", *(["probability"] if "estimated" in report else []), "score"]
    show_table([say(heading) for heading in headings], rows)
    if len(report["suspects"]) > _MOST_SUSPECTS:
        print(f"... {len(report['suspects']) - _MOST_SUSPECTS:,}")


def _show_parts(report: dict[str, Any], say: Any) -> None:
    parts = report["parts"]
    images = report["kind"] == "images"
    headings = ["part", "samples", "shape", "values", "mean", "std", "missing", "copies"]
    headings += (["blank"] if images else []) + (["conflicts"] if report["classes"] else ["target"])
    rows = []
    for name, part in parts.items():
        values = part["range"]
        row = [say(name), f"{part['samples']:,}", "×".join(map(str, part["shape"])), _span(values)]
        row += [_number(values.get(key)) for key in ("mean", "std")]
        row += [f"{values.get('missing', 0):,}", f"{part['duplicates']['copies']:,}"]
        row += [f"{len(part['blank']):,}"] if images else []
        row += [f"{len(part['conflicts']):,}" if report["classes"] else _span(part["target_range"])]
        rows.append(row)
    show_table([say(heading) for heading in headings], rows)


def _show_classes(report: dict[str, Any], say: Any) -> None:
    parts = report["parts"]
    rows = [
        [str(i), name, *(f"{part['counts'][i]:,}" for part in parts.values())]
        for i, name in enumerate(report["classes"])
    ]
    show_table(["", say("class"), *(say(part) for part in parts)], rows, left=2)
    ratios = [f"{say(name)} {_number(part['imbalance'])}" for name, part in parts.items()]
    print(f"{say('imbalance (largest class by smallest)')}: {', '.join(ratios)}")


def _show_columns(columns: list[dict[str, Any]], say: Any) -> None:
    keys = ("min", "max", "mean", "std")
    rows = [
        [
            column["name"],
            *(_number(column.get(key)) for key in keys),
            f"{column['different']:,}",
            f"{column['missing']:,}",
        ]
        + [say("yes") if column["constant"] else ""]
        for column in columns
    ]
    show_table([say(key) for key in ("column", *keys, "different", "missing", "constant")], rows)


def _show_findings(report: dict[str, Any], say: Any) -> None:
    for name, part in report["parts"].items():
        conflicts = part.get("conflicts", [])
        for conflict in conflicts[:_MOST_CONFLICTS]:
            pairs = zip(conflict["positions"], conflict["labels"], strict=True)
            listed = ", ".join(f"{position} ({report['classes'][label]})" for position, label in pairs)
            print(f"{say(name)}, {say('equal samples under different labels')}: {listed}")
        if len(conflicts) > _MOST_CONFLICTS:
            print(f"... {len(conflicts) - _MOST_CONFLICTS:,}")
    for entry in report["shared"]:
        first, second = (say(part) for part in entry["parts"])
        text = say("{second} samples that are in {first} too: {count}")
        line = text.format(count=f"{entry['samples']:,}", first=first, second=second)
        if entry.get("other_label"):
            line += say(" ({other} under another label)").format(other=f"{entry['other_label']:,}")
        print(line)


def _span(values: dict[str, Any]) -> str:
    if "min" not in values:
        return "-"
    return f"{_number(values['min'])} … {_number(values['max'])}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if float(value).is_integer() or abs(value) >= 1e4:
        return f"{value:,.0f}"
    return f"{value:.4g}"
