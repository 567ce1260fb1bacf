/** What a box or a line of the graph says and which colour it has. */

import type { GraphNode } from "../api";
import type { Rgb, Scale } from "./colour";
import { valueColour } from "./colour";
import type { Box, Line } from "./folding";
import { range } from "./grid";

export const STATISTICS = ["mean", "std", "dead_share", "gradient"] as const;
export type Statistic = (typeof STATISTICS)[number];

const SCALES: Record<Statistic, Scale> = { mean: "signed", std: "amount", dead_share: "amount", gradient: "amount" };

/** The number that colours a node, or null where it has none. */
export function statistic(node: GraphNode, which: Statistic): number | null {
  if (which === "gradient") return node.gradient?.norm ?? null;
  return node.stats?.[which] ?? null;
}

/**
 * The number by which a node is coloured: gradients differ by powers of ten, so it is their logarithm. Whole numbers, such
 * as the labels, have none: next to them all else would look the same.
 */
function coloured(node: GraphNode, which: Statistic): number | null {
  const value = statistic(node, which);
  if (value === null || /^(u?int|bool)/.test(node.dtype)) return null;
  if (which !== "gradient") return value;
  return value > 0 ? Math.log10(value) : null;
}

export interface Look {
  scale: Scale;
  low: number;
  high: number;
  colour: (node: GraphNode, dark: boolean) => Rgb | null;
}

/** How the nodes of one picture are coloured by `which`: the scale spans what the picture shows. */
export function look(boxes: readonly Box[], which: Statistic): Look {
  const numbers = boxes.map((box) => coloured(box.shown, which) ?? NaN);
  const [low, high] = which === "dead_share" ? [0, 1] : which === "std" ? [0, range(numbers)[1]] : range(numbers);
  const scale = SCALES[which];
  return {
    scale,
    low,
    high,
    colour: (node, dark) => {
      const value = coloured(node, which);
      return value === null ? null : valueColour(value, low, high, scale, dark);
    },
  };
}

/** The strongest gradient norm that flows along a line, or null where none flows. */
export function flow(line: Line): number | null {
  const norms = line.sources.map((node) => node.gradient?.norm).filter((norm) => norm !== undefined);
  return norms.length ? Math.max(...norms) : null;
}

/** From flows to widths of 1 to 7 pixels, on a logarithmic scale over all lines. */
export function widths(lines: readonly Line[]): (number | null)[] {
  const flows = lines.map(flow);
  const logs = flows.map((norm) => (norm !== null && norm > 0 ? Math.log10(norm) : NaN));
  const [low, high] = range(logs);
  return flows.map((norm, index) => {
    if (norm === null) return null;
    const log = logs[index] ?? NaN;
    if (!Number.isFinite(log)) return 1;
    return high > low ? 1.4 + (5.6 * (log - low)) / (high - low) : 3;
  });
}

/** A soft path through the bends of a line. */
export function path(points: readonly { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let text = `M${first.x} ${first.y}`;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    if (!next) text += `L${point.x} ${point.y}`;
    else text += `Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`;
  });
  return text;
}

export const TITLE = "600 13px";
export const PLAIN = "400 12px";

let ruler: CanvasRenderingContext2D | null = null;

/** The room that a line of text takes, in pixels. */
export function textWidth(text: string, font: string): number {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (!ruler) return text.length * 8;
  ruler.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(text).width;
}

/** `text` cut to what fits into `width` pixels. */
export function fitted(text: string, width: number, font: string): string {
  if (textWidth(text, font) <= width) return text;
  const signs = [...text];
  while (signs.length > 1 && textWidth(`${signs.join("")}…`, font) > width) signs.pop();
  return `${signs.join("")}…`;
}
