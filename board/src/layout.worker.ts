/** Lays boxes out in layers, away from the page's own thread. */

import { Graph, layout } from "@dagrejs/dagre";
import type { Place, Placed, Question } from "./parts/placing";

const HEAD = 30;

const scope = self as unknown as { onmessage: (event: MessageEvent<Question>) => void; postMessage(answer: Placed): void };

function place(question: Question): Omit<Placed, "ticket"> {
  const graph = new Graph({ compound: true });
  graph.setGraph({ rankdir: question.direction === "right" ? "LR" : "TB", nodesep: question.groups.length ? 20 + HEAD : 20, ranksep: 28, edgesep: 12, marginx: 12, marginy: 12 });
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
  const boxes = Object.fromEntries(
    graph.nodes().map((key) => {
      const { x, y, width: w, height: t } = graph.node(key);
      return [key, { x, y, width: w, height: t }];
    }),
  );
  headed(question, boxes);
  return {
    width,
    height,
    boxes,
    lines: question.lines.map(({ from, to }) => (graph.edge(from, to) as { points: { x: number; y: number }[] }).points),
  };
}

/** Makes room for each group's title above what is in it; a group around another one grows with it. */
function headed({ groups, boxes: inside }: Question, boxes: Record<string, Place>): void {
  const tops = new Map<string, number>();
  const raise = (path: string, top: number): void => {
    if (path) tops.set(path, Math.min(tops.get(path) ?? Infinity, top));
  };
  for (const { key, parent } of inside) {
    const place = boxes[key];
    if (place) raise(parent, place.y - place.height / 2);
  }
  const inward = [...groups].sort((a, b) => b.path.length - a.path.length);
  for (const { path, parent } of inward) {
    const place = boxes[path];
    if (!place) continue;
    const bottom = place.y + place.height / 2;
    const top = Math.min(place.y - place.height / 2, (tops.get(path) ?? place.y) - HEAD);
    boxes[path] = { ...place, y: (top + bottom) / 2, height: bottom - top };
    raise(parent, top);
  }
}

scope.onmessage = ({ data }) => {
  try {
    scope.postMessage({ ticket: data.ticket, ...place(data) });
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error);
    scope.postMessage({ ticket: data.ticket, width: 0, height: 0, boxes: {}, lines: [], failed });
  }
};
