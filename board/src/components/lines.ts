// From measured points to what a chart draws.
import uPlot from "uplot";
import type { Points } from "../api";

export interface Plotted {
  /** uPlot's columns: steps, then low, high, measured and smoothed values of each line. */
  table: uPlot.AlignedData;
  /** Each line's smoothed values, by its own points. */
  strong: (number | null)[][];
}

/** An exponential moving average without the bias towards its start; what is no number is passed over. */
export function smoothed(values: readonly (number | null)[], factor: number): (number | null)[] {
  if (factor <= 0) return [...values];
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return value;
    sum = factor * sum + (1 - factor) * value;
    weight = factor * weight + (1 - factor);
    return sum / weight;
  });
}

/** The index of the step that is closest to `step` in a rising list; -1 of an empty one. */
export function nearest(steps: ArrayLike<number>, step: number): number {
  if (!steps.length) return -1;
  let low = 0;
  let high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as number) < step) low = middle + 1;
    else high = middle;
  }
  const before = low > 0 && step - (steps[low - 1] as number) <= (steps[low] as number) - step;
  return before ? low - 1 : low;
}

/** What a scale can show: finite, and above zero on a logarithmic one. */
function drawable(values: readonly (number | null)[] | undefined, log: boolean): (number | null)[] {
  return (values ?? []).map((value) => (value !== null && Number.isFinite(value) && !(log && value <= 0) ? value : null));
}

export function plotted(
  lines: readonly { points: Points }[],
  { smoothing, log }: { smoothing: number; log: boolean },
): Plotted {
  const strong = lines.map((line) => smoothed(line.points.value, smoothing));
  const tables = lines.map(({ points }, i): uPlot.AlignedData => {
    const raw = drawable(points.value, log);
    const [low, high] = points.low && points.high ? [drawable(points.low, log), drawable(points.high, log)] : [raw, raw];
    return [points.step, low, high, raw, drawable(strong[i], log)];
  });
  const table = tables.length ? uPlot.join(tables) : ([[]] as unknown as uPlot.AlignedData);
  return { table, strong };
}
