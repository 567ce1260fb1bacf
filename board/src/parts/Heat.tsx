/** A picture of numbers: one pixel each, enlarged without blur. */

import type { VNode } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { value as short } from "../format";
import { theme } from "../theme";
import { missing, share, table, type Scale } from "./colour";
import { range, type Grid } from "./grid";

interface Properties {
  grid: Grid;
  /** What the picture shows, for those who do not see it; an empty one hides it from them. */
  label: string;
  scale?: Scale;
  low?: number;
  high?: number;
  class?: string;
  /** Longest side in CSS pixels; without it the style sheet decides. */
  size?: number;
  smooth?: boolean;
}

/** Paints `grid` on `canvas`, one pixel a number. */
export function paint(canvas: HTMLCanvasElement, grid: Grid, scale: Scale, low: number, high: number): void {
  const { rows, columns, values } = grid;
  if (!rows || !columns) return;
  if (canvas.width !== columns) canvas.width = columns;
  if (canvas.height !== rows) canvas.height = rows;
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(columns, rows);
  const colours = table(scale, theme.value === "dark");
  const none = missing(theme.value === "dark");
  for (let index = 0; index < rows * columns; index++) {
    const value = values[index] ?? NaN;
    const at = Math.round(Math.min(Math.max(share(value, low, high, scale), 0), 1) * 255) * 3;
    const finite = Number.isFinite(value);
    for (let channel = 0; channel < 3; channel++) {
      image.data[index * 4 + channel] = finite ? (colours[at + channel] ?? 0) : none[channel as 0 | 1 | 2];
    }
    image.data[index * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Width and height in CSS pixels so that the longer side is `size` and no cell grows over 28 pixels. */
function displayed({ rows, columns }: Grid, size: number): { width: string; height: string } {
  const cell = Math.min(size / Math.max(columns, 1), size / Math.max(rows, 1), 28);
  const thin = Math.min(size, 14);
  return { width: `${Math.max(columns * cell, thin)}px`, height: `${Math.max(rows * cell, thin)}px` };
}

/** `grid` as a heat map; the number under the pointer is told as a title. */
export function Heat(properties: Properties): VNode {
  const { grid, label, scale = "signed", size, smooth = false } = properties;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [lowest, highest] = range(grid.values);
  const { low = lowest, high = highest } = properties;
  const painted = theme.value;
  useEffect(() => {
    if (canvas.current) paint(canvas.current, grid, scale, low, high);
  }, [grid, scale, low, high, painted]);

  const tell = (event: PointerEvent): void => {
    const element = event.currentTarget as HTMLCanvasElement;
    const box = element.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * grid.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * grid.rows);
    const value = grid.values[row * grid.columns + column];
    element.title = value === undefined ? "" : String(value);
  };

  return (
    <canvas
      ref={canvas}
      class={`heat ${smooth ? "smooth " : ""}${properties.class ?? ""}`}
      role={label ? "img" : "presentation"}
      aria-label={label || undefined}
      aria-hidden={label ? undefined : "true"}
      style={size ? displayed(grid, size) : undefined}
      onPointerMove={tell}
    />
  );
}

interface LegendProperties {
  low: number;
  high: number;
  scale?: Scale;
  /** The ends are exponents of ten. */
  power?: boolean;
}

/** The bar that says which colour is which number. */
export function Legend({ low, high, scale = "signed", power = false }: LegendProperties): VNode {
  const bound = Math.max(Math.abs(low), Math.abs(high));
  const [from, to] = scale === "signed" ? [-bound, bound] : [low, high];
  const grid = useMemo(() => {
    const values = Array.from({ length: 64 }, (_, index) => from + ((to - from) * index) / 63);
    return { rows: 1, columns: 64, values };
  }, [from, to]);
  const said = (end: number): string => short(power ? 10 ** end : end);
  return (
    <span class="scale-key">
      <span>{said(from)}</span>
      <Heat grid={grid} label="" scale={scale} low={from} high={to} class="scale-bar" />
      <span>{said(to)}</span>
    </span>
  );
}
