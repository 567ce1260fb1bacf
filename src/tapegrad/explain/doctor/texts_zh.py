"""The findings in Chinese; see the English texts."""

from __future__ import annotations

from .during.texts_zh import TEXTS as DURING

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = {
    # -- before the training ------------------------------------------------------------------------------------------
    "start-loss": {
        "title": "初始损失过高",
        "message": (
            "第一批数据的损失为 {loss}，而在 {classes} 个类别中随机猜测时应为 ln {classes}"
            " = {expected}。网络尚未学习就对错误答案十分确信：初始权重或输入过大。"
        ),
    },
    "start-saturated": {
        "title": "激活函数从一开始就饱和",
        "message": (
            "对第一批数据，{kind} 的输出有 {share:.0%} 位于其值域两端，因为它的输入范围是 {low} 到 {high}。"
            "那里的导数几乎为 0，梯度几乎传不过去：第一次更新时损失为 {loss}，第 {step} 步时为 {now}。"
            "最大的权重把输入的离散程度放大到 {gain} 倍，而合适的是 1 倍。"
        ),
    },
    "double-softmax": {
        "title": "损失函数对已经过 softmax 的输出又做了一次 softmax",
        "message": (
            "输出已是概率（从 {low} 到 {high}，每行之和为 1），CrossEntropyLoss "
            "又对其做 softmax。差异因此被抹平：{classes} 个类别时损失无法低于 {floor}，梯度也很小。请去掉 softmax，把它的输入交给损失函数。"
        ),
    },
    "bounded-scores": {
        "title": "类别得分在进入损失之前被压缩",
        "message": (
            "CrossEntropyLoss 需要任意大小的得分，得到的却是 {last} 的输出，范围 {low}"
            " 到 {high}。得分相差如此之小，任何类别都无法变得很可能，损失无法接近 0。请去掉 {last}。"
        ),
    },
    "nll-of-scores": {
        "title": "NLLLoss 的输入不是对数概率",
        "message": (
            "NLLLoss 需要 log_softmax 的输出，得到的却是范围 {low} 到 {high} "
            "的值，其指数之和不为 1。这样损失没有下界，不断下降却什么也没学到。"
        ),
    },
    "sigmoid-twice": {
        "title": "损失函数对已经过 sigmoid 的输出又做了一次 sigmoid",
        "message": (
            "BCEWithLogitsLoss 自带 sigmoid，却得到了 sigmoid 的输出。结果总在 0.5 与 0.73 之间，与网络说什么无关。请去掉其中一个。"
        ),
    },
    "output-range": {
        "title": "输出无法达到目标值",
        "message": (
            "最后的运算是 {last}，其值在 {low} 与 {high} 之间；目标值的范围是 {least}"
            " 到 {most}，其中 {share:.0%} 超出。没有任何权重能给出这些目标：请去掉 {last}，或把目标缩放到它的值域内。"
        ),
    },
    "classes-as-numbers": {
        "title": "类别被当作数值来学习",
        "message": (
            "目标是 {classes} 个等间距的值，看起来是类别编号，由一个输出按距离学习。这样把 1 类认成"
            " 9 类比认成 2 类错得更多，而类别本没有大小顺序。"
        ),
    },
    "weights-not-finite": {
        "title": "训练之前就有非有限的权重",
        "message": ("第一次更新之前有 {count} 个参数含 NaN 或无穷大，首先是 {where}。经过它们的一切都丢失了。"),
    },
    "not-in-optimizer": {
        "title": "优化器中没有这些参数",
        "message": (
            "{all} 个可学习参数中有 {count} 个不在优化器的任何参数组里，保持不变：{names}。"
            "优化器是否在创建这些层之前创建，或用的是模型的另一份副本？"
        ),
    },
    "no-gradient": {
        "title": "梯度到不了这些参数",
        "message": (
            "第一次反向传播后，{all} 个参数中有 {count} 个没有梯度：{names}。损失不依赖它们"
            "，或者通路被切断：detach()、no_grad()、.item()、NumPy，或 forwar"
            "d() 没有调用的层。"
        ),
        "with unused": (
            "第一次反向传播后，{all} 个参数中有 {count} 个没有梯度：{names}。损失不依赖它们："
            "forward()（{line}）从不调用 {unused}。"
        ),
        "with line": (
            "第一次反向传播后，{all} 个参数中有 {count} 个没有梯度：{names}。它们到损失的通路在 {line} 被切断：{code}"
        ),
    },
    "inputs-not-finite": {
        "title": "输入含有 NaN 或无穷大",
        "message": ("第一批数据中有 {share:.2%} 的数不是有限的。只要一个就会在一次更新中使所有权重变成 NaN。"),
    },
    "inputs-alike": {
        "title": "一批中的所有样本都相同",
        "message": ("第一批的 {samples} 个样本的数值完全相同（从 {low} 到 {high}），无从区分类别。数据读取正确吗？"),
    },
    "inputs-scale": {
        "title": "输入的尺度不适合学习",
        "message": (
            "第一批输入的均值为 {mean}，标准差为 {std}（从 {low} 到 {high}）。初始权重"
            "和学习率是为均值接近 0、标准差接近 1 的输入设定的。"
        ),
    },
    "inputs-uneven": {
        "title": "输入各列的尺度相差悬殊",
        "message": (
            "第 {column} 列的标准差为 {largest}，各列的中位数为 {median}。大列所允许的学习率对其他列来说太低。"
        ),
    },
    "labels-range": {
        "title": "标签超出类别范围",
        "message": ("标签的范围是 {low} 到 {high}，而 {classes} 个类别的编号是 0 到 {last}。"),
    },
    "labels-type": {
        "title": "标签的类型不能表示类别",
        "message": ("CrossEntropyLoss 需要每个样本一个整数，或每个类别一个概率；得到的是形状 {targets} 的 {dtype}。"),
    },
    "labels-share": {
        "title": "目标不是概率",
        "message": (
            "与输出形状相同的交叉熵目标是每个类别的概率，每个样本的概率之和为 1。这里最小的是 {low}，"
            "各样本之和在 {least} 到 {most} 之间：独热编码是否正确？"
        ),
    },
    "target-shape": {
        "title": "输出与目标的形状不同",
        "message": (
            "输出是 {outputs}，目标是 {targets}。广播会把每个输出与每个目标比较，网络学到的是"
            "它们的均值。请使形状相同，例如用 unsqueeze(1)。"
        ),
        "with line": (
            "在 {line}，形状为 {outputs} 的输出遇到形状为 {targets} 的目标。广播会把每个输出与每个目标比较，"
            "网络学到的是它们的均值。请使形状相同，例如用 unsqueeze(1)。"
        ),
    },
    "one-class": {
        "title": "所有训练样本属于同一类",
        "message": (
            "所看到的 {many} 个训练样本的标签都是 {most}，而网络要区分 {classes} 个类别。它只会学到总是回答 {most}。"
        ),
    },
    "class-missing": {
        "title": "有些类别没有训练样本",
        "message": (
            "{classes} 个类别中有 {missing} 个没有出现在训练样本中，例如类别 {least}。从未见过的就不会被说出。"
        ),
    },
    "classes-unbalanced": {
        "title": "有些类别远少于其他类别",
        "message": (
            "类别 {most} 有 {many} 个训练样本（占 {share:.0%}），类别 {least}"
            " 只有 {few} 个。总是回答 {most} 就有这样的准确率，掩盖了稀有类别从未被认出。"
        ),
    },
    "sorted-batches": {
        "title": "样本按类别排序",
        "message": (
            "第一批的 {samples} 个样本标签都是 {label}，而它只占训练样本的 {share:.0%}"
            "。网络在每一批中都忘掉上一批学到的东西。"
        ),
    },
    "shared-samples": {
        "title": "留出的集合中有用于训练的样本",
        "message": ("{part} 集的 {all} 个样本中有 {count} 个（{share:.0%}）也在训练样本中。在其上测得的是记忆。"),
    },
    "cannot-overfit": {
        "title": "网络连几个样本都背不下来",
        "message": (
            "只用 {samples} 个样本更新 {steps} 次，损失从 {first} 到 {last}。"
            "能学习的网络在此应接近 0：先检查网络层、损失函数和标签，再考虑更多数据。"
        ),
    },
    "gradient-wrong": {
        "title": "有一个梯度是错的",
        "message": (
            "沿梯度微调 {where} 的权重，损失变化 {numeric}，而梯度给出的是 {analytic}"
            "。其他参数与有限差分一致。请检查用到它的运算的反向传播。"
        ),
    },
    # -- during the training ------------------------------------------------------------------------------------------
} | DURING
