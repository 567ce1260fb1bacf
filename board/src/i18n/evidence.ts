// The doctor's evidence is named by keys; these are their names in Chinese. In English the keys speak for themselves.
import { language } from ".";

const ZH: Readonly<Record<string, string>> = {
  loss: "损失", classes: "类别数", expected: "预期值", share: "比例", kind: "类型", low: "最低", high: "最高", now: "当前", step: "步",
  gain: "提升", last: "最后", least: "最少", most: "最多", count: "数量", all: "总数", names: "名称", samples: "样本数", mean: "均值",
  std: "标准差", column: "列", largest: "最大", median: "中位数", dtype: "数据类型", targets: "目标", outputs: "输出", many: "多者",
  few: "少者", missing: "缺少", label: "标签", part: "部分", steps: "步数", first: "最初", rate: "学习率", numeric: "数值梯度",
  analytic: "解析梯度", operation: "运算", ratio: "比值", worst: "最差", swing: "波动", highest: "最高", before: "之前", chance: "随机水平",
  size: "大小", layers: "层数", p: "丢弃率", kept: "保留", decay: "衰减", left: "剩余", layer: "层", distance: "距离", momentum: "动量",
  evaluated: "评估值", epoch: "轮", best: "最佳", train: "训练", nearest: "最近", guess: "猜测", spread: "标准差", parameters: "参数",
  reached: "达到", line: "行", error: "误差", given: "给定", after: "之后", held: "保持", backwards: "反向次数", factor: "倍数",
  times: "次数", batch: "批大小", function: "函数", rows: "行数", norm: "范数", cut: "截断",
};

export function evidenceText(key: string): string {
  return (language.value === "zh" && ZH[key]) || key.replace(/_/g, " ");
}
