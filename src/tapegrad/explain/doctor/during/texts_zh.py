"""What the detectors of this folder find, in Chinese; see the English texts."""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = {
    # -- losses -------------------------------------------------------------------------------------------------------
    "batch-not-finite": {
        "title": "一批数据中含有非有限值",
        "message": "第 {since} 步之后的一批数据含有 nan 或无穷大：由它算出的一切都不再是有限值。",
    },
    "not-finite": {
        "title": "出现非有限值",
        "with operation": (
            "第 {since} 步之后（学习率 {rate}）损失不再是有限值。最早的非有限值来自 {where} 中的运算 `{operation}`（{part}），"
            "而它的输入全部有限。"
        ),
        "message": "第 {since} 步之后（学习率 {rate}）损失不再是有限值。",
    },
    "rate-too-high": {
        "title": "学习率过高",
        "message": (
            "学习率为 {rate} 时，一次更新就使某层权重改变了自身大小的 {ratio:.2g} 倍。损失从 {first} 开始，最高达到 {worst}：每一步都越过了要去的谷底。"
        ),
        "with growth": (
            "学习率为 {rate} 时，{since} 步更新就使权重变为最初的 {growth} 倍（一次更新最多改变一层自身的 {ratio:.2g} 倍）。"
            "损失从 {first} 开始，最高达到 {worst}：权重被这样抛来抛去，单元就会死亡或饱和。"
        ),
    },
    "oscillation": {
        "title": "损失来回振荡",
        "message": "相邻两次更新之间损失的摆动达到其水平的 {swing:.0%}，一上一下交替：学习率 {rate} 使每一步都从谷的一侧跳到另一侧。",
    },
    "rate-too-low": {
        "title": "学习率过低",
        "message": (
            "学习率为 {rate:.3g} 时，一次更新只使某层权重改变自身大小的 {ratio:.1e}，通常约为 1e-3。梯度正常，但损失只从 {first} 缓慢变到 {last}。"
        ),
    },
    "rate-decayed": {
        "title": "学习率被调度降到几乎为零",
        "message": "自第 {since} 步起学习率低于 {highest:.3g} 的千分之一（现为 {rate:.1e}），而损失仍为 {last}（开始时 {first}）：之后的训练几乎不起作用。",
    },
    "loss-spike": {
        "title": "损失在一次更新中突然跳升",
        "message": "第 {since} 步损失由 {before} 跳到 {loss}：这一批中有远离其他样本的数据，或者某次更新过大。",
    },
    "constant-loss": {
        "title": "损失保持不变",
        "message": "{steps} 次更新中损失一直为 {last}（开始时 {first}）：学到的东西没有到达输出。",
    },
    "no-progress": {
        "title": "损失没有下降",
        "message": "{steps} 次更新后损失为 {last}，开始时为 {first}：网络还什么都没有学到。",
    },
    # -- layers -------------------------------------------------------------------------------------------------------
    "dead-units": {
        "title": "单元已死亡",
        "message": (
            "自第 {since} 步起，{where} 中 {share:.0%} 的单元对整批样本的输出都是 0（最初为 {first:.0%}）。处处为 0 的单元没有梯度通过，因此不会再恢复。多半是更新过大，或偏置远低于 0 造成的。"
        ),
        "with bias": (
            "从一开始，{where} 中 {first:.0%} 的单元对整批样本的输出都是 0，因为 {layer} 的偏置初始值是 {bias}："
            "任何输入都不能使单元的输入大于 0，没有梯度通过，因此不会再恢复。"
        ),
    },
    "saturated": {
        "title": "激活函数饱和",
        "message": "自第 {since} 步起，{where}（{kind}）中 {share:.0%} 的值位于值域两端，那里曲线平坦，几乎没有梯度通过。",
    },
    "vanishing-gradient": {
        "title": "梯度在传向前几层时消失",
        "message": "相对于各自的权重，{where} 的梯度只有 {last} 的 {ratio:.1e} 倍：前几层几乎学不到东西。",
    },
    "exploding-gradient": {
        "title": "梯度在传向前几层时爆炸",
        "message": (
            "{where} 的梯度是其权重大小的 {size} 倍；相对于权重，第一层的梯度是 {last} 的 {ratio:.1e} 倍：用任何常见的学习率走一步都会把权重抛得很远。"
        ),
    },
    "initial-weights-large": {
        "title": "初始权重过大",
        "message": "{where} 的初始权重把数值放大 {gain:.3g} 倍（权重标准差乘以输入个数的平方根，通常约为 0.6 到 1.5）：网络还没学到东西就对答案十分确信。",
    },
    "units-alike": {
        "title": "一层的所有单元完全相同",
        "message": (
            "{where} 的所有单元以相同的权重开始，又被同样地使用，因此得到相同的梯度，始终互为副本：这一层只相当于一个单元。这样的层有：{layers}。"
        ),
    },
    "dropout-strong": {
        "title": "dropout 几乎不让任何东西通过",
        "message": "{where} 丢弃了 {p:.0%} 的数值，每次更新的梯度也一样：只剩 {kept:.0%}。",
    },
    "layer-frozen": {
        "title": "有权重从不学习",
        "message": "{names} 不参与学习（requires_grad 为 False），却没有载入过权重：它们一直是随机的初始值。",
    },
    "weights-decayed": {
        "title": "权重衰减吞掉了权重",
        "message": "权重衰减为 {decay:.3g} 时，{layer} 的权重大小只剩 {left:.1%}。",
    },
    "statistics-stale": {
        "title": "滑动统计量与批的统计量不符",
        "message": "{where} 的滑动均值与批均值相差 {distance} 个标准差（momentum 为 {momentum}）。训练时用批自己的统计量，评估时用滑动的。",
        "with evaluated": (
            "{where} 的滑动均值与批均值相差 {distance} 个标准差（momentum 为 {momentum}）。训练时用批自己的统计量，评估时用滑动的：训练损失为 {loss}，评估损失为 {evaluated}。"
        ),
    },
    # -- fit ----------------------------------------------------------------------------------------------------------
    "overfitting": {
        "title": "网络在死记训练数据",
        "message": "最后的验证损失为 {last}（最好为第 {epoch:.0f} 轮的 {best}），训练损失为 {train}：自第 {since} 步起学到的东西对训练数据成立，对其他数据则几乎不成立。",
    },
    "targets-unrelated": {
        "title": "目标与输入无关",
        "message": (
            "梯度和更新都正常，但损失停在 {last}（开始时 {first}）。用最近的五个样本判断目标并不比猜测好（{nearest:.3g} 对 {guess:.3g}）：输入和目标是否被分别打乱了？"
        ),
    },
    "same-answer": {
        "title": "所有样本被归为同一类",
        "message": "{where} 的输出在样本之间的差别不超过其大小的 {spread:.1e}。最常见的类别占数据的 {share:.0%}：网络只会说它。",
    },
    "same-value": {
        "title": "所有样本的输出都相同",
        "message": "{where} 的输出在样本之间的差别不超过其大小的 {spread:.1e}：无论输入什么，输出都相同。",
    },
    "underfitting": {
        "title": "网络太小或太死板",
        "message": (
            "损失停在 {last}，不再下降。网络（{parameters:,d} 个参数）对训练数据的解释程度为 {reached:.3g}，而五个最近邻达到 {nearest:.3g}：它缺少单元、层或激活函数。"
        ),
    },
    "targets-scale": {
        "title": "目标值没有缩放",
        "message": "目标的均值为 {mean}，标准差为 {std}（从 {low} 到 {high}）；网络的输出从 0 附近开始，每一步只能改变一点。",
    },
    # -- loops --------------------------------------------------------------------------------------------------------
    "batch-of-one": {
        "title": "只有一个样本的批遇到批归一化",
        "message": "{line}：{error}。单个样本没有可供归一化的方差。",
    },
    "target-kind": {
        "title": "目标的类型不对",
        "message": "{line}：{error}。与输出形状相同的目标是概率，必须是浮点数（现在是 {given}）；类别标签则是每个样本一个整数。",
    },
    "script-error": {
        "title": "脚本因错误而结束",
        "message": "{line}：{kind}：{error}",
    },
    "loss-detached": {
        "title": "损失与网络断开了",
        "message": (
            "{line} 处的 backward() 无路可回：损失（在 {after} 之后）是在没有计算图的情况下算出的，例如在 no_grad() 中、经过 detach()、.item() 或 .numpy()，或者用的是预测出的类别。"
        ),
    },
    "optimizer-of-others": {
        "title": "优化器里的张量不是网络的参数",
        "message": "优化器的 {held} 个张量中没有一个是正在训练的网络的参数，因此网络从不改变。网络是否在优化器之后重新创建或复制过？请最后创建优化器。",
    },
    "gradients-dropped": {
        "title": "梯度在使用之前被丢掉",
        "message": "有 {count} 次更新在 backward() 之后却没有梯度：zero_grad() 应放在 backward() 之前。",
    },
    "no-step": {
        "title": "从未更新过参数",
        "message": "backward() 运行了 {backwards} 次，没有任何参数改变：缺少 optimizer.step()。",
    },
    "gradients-accumulate": {
        "title": "以前更新的梯度被再次使用",
        "message": "{steps} 次更新中有 {count} 次，backward() 把梯度加到了已经用过的梯度上：缺少 zero_grad()，因此每一步都由从第一批起的所有批组成。",
    },
    "eval-in-training": {
        "title": "网络在评估模式下训练",
        "message": "{where}（{kind}）在训练时处于评估模式：每轮开始前请调用 model.train()。",
    },
    "train-in-evaluation": {
        "title": "网络在训练模式下评估",
        "message": "{where}（{kind}）在评估时处于训练模式：测得的结果带有噪声，批归一化还会从中学习。评估前请调用 model.eval()。",
    },
    "gradient-scale": {
        "title": "梯度差了一个常数倍",
        "message": (
            "实际使用的梯度是损失的梯度的 {factor:.3g} 倍（1/{times:.4g}；每批 {batch} 个样本；函数：{function}）。均值已经除过批量大小，再除一次等于把学习率缩小到 {times:.3g} 分之一。"
        ),
    },
    "softmax-dimension": {
        "title": "softmax 的维度不对",
        "message": "{where} 的输出是在一批的 {rows} 个样本上相加为 1，而不是在每个样本的 {classes} 个类别上：请用 dim=1。",
    },
    "loss-summed": {
        "title": "损失是整批的总和",
        "message": 'reduction="sum" 时，{batch} 个样本一批的梯度是均值的 {batch} 倍，相当于学习率也是 {batch} 倍：损失没有下降。',
    },
    "clipped-away": {
        "title": "裁剪几乎没有留下梯度",
        "message": "梯度的范数为 {norm}，最多只允许 {most:.3g}：只剩 {cut:.1e} 分之一。",
    },
}
