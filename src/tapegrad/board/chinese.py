"""What the board refuses, in Chinese: beside each English sentence, its places in braces, the Chinese one."""

from __future__ import annotations

import functools
import re

__all__ = ["in_chinese"]

_LONGEST = 4_000

_REQUESTS = {
    "there is no such page": "没有这个页面",
    "go to /": "请打开 /",
    "there is no such address": "没有这个地址",
    "see the README for what there is": "可用的地址见 README",
    "its body is no JSON": "请求的内容不是 JSON",
    "its body is a JSON {}": "请求的内容是 JSON 的 {}",
    "send a JSON object": "请发送一个 JSON 对象",
    "is {}": "的值为 {}",
    "missing": "空",
    "use {}": "请使用 {}",
    "use a number": "请使用数字",
    "use a whole number from {} to {}": "请使用 {} 到 {} 的整数",
    "use a number from {} to {}": "请使用 {} 到 {} 的数",
    "did you mean '{}'?": "是否想写“{}”？",
    "known: {}": "可用的有：{}",
    "{} is not answered": "不接受 {} 请求",
    "use GET or POST": "请使用 GET 或 POST",
    "the Host header is not this board's address": "Host 请求头不是这个看板的地址",
    "open the address that the board printed": "请打开看板在终端里打印的地址",
    "open the address that the board printed, with its ?token=": "请打开看板在终端里打印的地址，连同其中的 ?token=",
    "it comes from another page (Origin)": "请求来自别的页面（Origin）",
    "it comes from another page (Sec-Fetch-Site)": "请求来自别的页面（Sec-Fetch-Site）",
    "ask from the board's own page": "请在看板自己的页面上操作",
    "the token is missing": "缺少令牌",
    "the body is not declared as JSON": "没有声明内容是 JSON",
    "send Content-Type: application/json": "请发送 Content-Type: application/json",
    "it does not say which page it comes from": "请求没有说明来自哪个页面",
    "send Origin: {}": "请发送 Origin: {}",
    "the body is larger than {} bytes": "内容超过 {} 字节",
    "send less": "请减少内容",
    "the body took more than {} s": "内容在 {} 秒内没有发完",
    "send it faster": "请更快地发送",
    "{} pages follow the board already": "已有 {} 个页面连接着看板",
    "close one of them": "请关闭其中一个",
}

_WORK = {
    "{} questions wait for an answer already": "已有 {} 个请求在等待",
    "try again in a while": "请稍后再试",
    "the board is ending": "看板正在退出",
    "it took more than {} s": "用时超过 {} 秒",
    "its process ended": "负责计算的进程已结束",
    "try a smaller network, fewer samples, or again": "请换更小的网络、更少的样本，或再试一次",
    "there is not enough memory": "内存不足",
    "use a smaller network or fewer samples": "请换更小的网络或更少的样本",
    "it failed with {}: {}": "出错：{}：{}",
    "try again; if it stays, it is a fault of the board": "请再试一次；如果仍然出错，就是看板的缺陷",
}

_RUNS = {
    "there is no run {}": "没有编号为 {} 的运行",
    "go back to the list of runs": "请回到运行列表",
    "there is none yet": "还没有检查点",
    "there is no state {}": "没有编号为 {} 的检查点",
    "choose one of the run's checkpoints": "请选择这次运行的一个检查点",
    "the folder {} cannot be read ({})": "无法读取文件夹 {}（{}）",
    "give yourself the permission to read it": "请给自己加上读取权限",
    "its recipe cannot be read": "无法读取它的配方",
    "restore recipe.yaml": "请恢复 recipe.yaml",
    "its data.json is missing or damaged": "它的 data.json 缺失或已损坏",
    "wait until the training has begun, or train again": "请等训练开始，或重新训练",
    "the run has no {} part": "这次运行没有 {} 部分的数据",
    "choose another part": "请选择另一部分",
    "there is no {}": "没有 {}",
    "restore it, or train again": "请恢复它，或重新训练",
    "the board does not run {}: {}": "看板不运行 {}：{}",
    "it is not among the trainings of this user on this machine": "它不是当前用户在本机训练过的",
    "the recipe names another network than the one that was trained here": "配方中的网络与在本机训练的不同",
    "it was changed since the training": "它在训练之后被改动过",
    "train it here, or start the board with `tapegrad board FOLDER --trust` where you trust who wrote it": (
        "请在本机训练它；如果信任它的作者，也可以用 `tapegrad board 文件夹 --trust` 启动看板"
    ),
    "suspects are looked for among what was trained with": "可疑标签只在训练用的数据中寻找",
    "choose the part train": "请选择训练部分",
    "inputs are no numbers in nested lists of equal lengths": "输入不是长度一致的嵌套数列",
    "inputs are not finite, or too far out": "输入不是有限的数，或数值过大",
    "inputs have the shape {}": "输入的形状是 {}",
    "send numbers up to {}": "请发送不超过 {} 的数",
    "send {}": "请发送 {}",
    "send {}, or up to 16 of them": "请发送 {}，最多 16 个",
    "inputs of the shape {} are no line and no plane": "形状为 {} 的输入既不是直线也不是平面",
    "look at samples instead": "请改看样本",
    "node {} has no {}": "节点 {} 没有 {}",
    "there is no node {}": "没有编号为 {} 的节点",
    "choose another node of the graph": "请选择计算图中的另一个节点",
    "there is no parameter {}": "没有参数 {}",
    "choose one of the network's": "请选择网络自己的参数",
}

_TRAININGS = {
    "{} trainings of this board are running": "这个看板启动的 {} 个训练正在进行",
    "stop one, or wait": "请停止一个，或等待",
    "its folder {} is not among the runs": "它的文件夹 {} 不在运行列表中",
    "look into the folder": "请查看该文件夹",
    "run {} is not being trained from this board": "运行 {} 不是从这个看板启动的训练",
    "press Ctrl-C where it was started": "请在启动它的终端按 Ctrl-C",
    "it ended without a word": "它没有说明原因就结束了",
    "change what it says and start again": "请按所说的修改后重新开始",
    "give the name of a recipe": "请给出配方的名称",
    "they are no object, or too many": "不是对象，或数量过多",
    "a training from the page reads the recipe's own files alone": "从页面启动的训练只读取配方自己的文件",
    "use `tapegrad train`": "请使用 `tapegrad train`",
    "{} is no key": "{} 不是配置项的名称",
    "write names with dots between them": "请写成用点号连接的名称",
    "its value cannot be written, or is too long": "它的值无法写出，或过长",
    "use a number, a word or a short list": "请使用数、词或短的列表",
    "there is no {} '{}'": "没有名为“{1}”的 {0}",
}

_PLAYGROUND = {
    "spec is no object": "spec 不是对象",
    "the table is not here any more": "这个表格已不在",
    "upload it again": "请重新上传",
    "this network is not here any more": "这个网络已不在",
    "there is no network {}": "没有网络 {}",
    "start it again": "请重新开始",
    "there is no '{}'": "没有“{}”",
    "use a list of at most {} widths": "请使用最多 {} 个宽度的列表",
    "has {} units": "有 {} 个单元",
    "use at most {} in all": "总共请不超过 {} 个",
    "the loss is {} at step {}": "第 {1} 步的损失是 {0}",
    "name or csv is no text": "name 或 csv 不是文本",
    "has {} bytes": "有 {} 字节",
    "use at most {}": "请不超过 {}",
    "is too large": "太大",
    "use at most {} rows of {} columns": "请不超过 {} 行、{} 列",
    "has {} columns of inputs and {} classes": "有 {} 列输入和 {} 个类别",
    "use at most {} and {}": "请分别不超过 {} 和 {}",
    "its column '{}' has one class alone, '{}'": "的列“{}”只有一个类别“{}”",
    "give a table with two classes or more": "请使用至少有两个类别的表格",
    "change the table, and upload it again": "请修改表格后重新上传",
    "has no rows": "没有数据行",
    "give a file with a sample in each line": "请使用每行一个样本的文件",
    "has no columns to learn from": "没有可供学习的列",
    "has {} columns, the first line has {}": "有 {} 列，而第一行有 {} 列",
    "is no CSV ({})": "不是 CSV（{}）",
    "repair the line": "请修正这一行",
    "byte {} is not UTF-8": "第 {} 个字节不是 UTF-8",
    "save it as UTF-8": "请存为 UTF-8",
    "the target has {} classes": "目标列有 {} 个类别",
    "{} of {} rows lack a value, the first is row {} ({})": "{1} 行中有 {0} 行缺少数值，第一处在第 {2} 行（{3}）",
    "column '{}' has {} different words, such as '{}' in row {}": "列“{0}”有 {1} 个不同的词，例如第 {3} 行的“{2}”",
}

_TEXTS = {**_REQUESTS, **_WORK, **_RUNS, **_TRAININGS, **_PLAYGROUND}


def in_chinese(text: str) -> str | None:
    """Return a sentence of the board in Chinese, None for one that is not known.

    >>> in_chinese("there is no run 7"), in_chinese("is missing"), in_chinese("something else")
    ('没有编号为 7 的运行', '的值为 空', None)
    """
    if text in _TEXTS:
        return _TEXTS[text]
    if len(text) > _LONGEST:
        return None
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(text)
        if found is not None:
            # What stands in a place may be a sentence of its own.
            return chinese.format(*(_TEXTS.get(part, part) for part in found.groups()))
    return None


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return the sentences with places, those that say most themselves first."""
    told = sorted((text for text in _TEXTS if "{}" in text), key=lambda text: -len(text))
    return [(re.compile("(.+?)".join(map(re.escape, text.split("{}"))), re.DOTALL), _TEXTS[text]) for text in told]
