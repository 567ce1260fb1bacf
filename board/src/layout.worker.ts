/** Lays boxes out in layers, away from the page's own thread. */

import { Graph, layout } from "@dagrejs/dagre";
import type { Placed, Question } from "./parts/placing";

const scope = self as unknown as { onmessage: (event: MessageEvent<Question>) => void; postMessage(answer: Placed): void };

function place(question: Question): Omit<Placed, "ticket"> {
  const graph = new Graph({ compound: true });
  graph.setGraph({ rankdir: question.direction === "right" ? "LR" : "TB", nodesep: 20, ranksep: 34, edgesep: 12, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { path } of question.groups) graph.setNode(path, {});
  for (const { path, parent } of question.groups) if (parent) graph.setParent(path, parent);
  for (const { key, width, height, parent } of question.boxes) {
    graph.setNode(key, { width, height });
    if (parent) graph.setParent(key, parent);
  }
  for (const { from, to } of question.lines) graph.setEdge(from, to);
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    boxes: Object.fromEntries(
      graph.nodes().map((key) => {
        const { x, y, width: w, height: t } = graph.node(key);
        return [key, { x, y, width: w, height: t }];
      }),
    ),
    lines: question.lines.map(({ from, to }) => (graph.edge(from, to) as { points: { x: number; y: number }[] }).points),
  };
}

scope.onmessage = ({ data }) => {
  try {
    scope.postMessage({ ticket: data.ticket, ...place(data) });
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error);
    scope.postMessage({ ticket: data.ticket, width: 0, height: 0, boxes: {}, lines: [], failed });
  }
};
