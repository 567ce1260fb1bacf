/** Where the units of a small network are drawn, and the lines between them. */

import type { Scale } from "./colour";
import { range, side } from "./grid";
import type { Frame, Unit } from "./play";

export interface Spot {
  unit: number;
  name: string;
  x: number;
  y: number;
  size: number;
  bias: number;
  picture: number[];
  /** The picture is one of the plane: its rows go upwards. */
  plane: boolean;
  scale: Scale;
  low: number;
  high: number;
}

export interface Column {
  kind: "input" | "hidden" | "output";
  /** The layer's place in the frame; -1 for the inputs. */
  layer: number;
  /** The layer's place among those that can be changed, or null. */
  hidden: number | null;
  x: number;
  bottom: number;
  spots: Spot[];
  /** How many units are not drawn. */
  left: number;
}

export interface Joint {
  key: string;
  path: string;
  /** The weight by the largest of all, from -1 to 1. */
  strength: number;
  /** Where it leads. */
  layer: number;
  unit: number;
}

const HEAD = 44;
const HEIGHT = 400;
const MOST_DRAWN = 16;
const NARROWEST = 84;

function placed(count: number): { size: number; gap: number } {
  const pitch = Math.min(HEIGHT / Math.max(count, 1), 58);
  return { size: Math.min(Math.max(pitch - 6, 14), 44), gap: pitch };
}

function middle(index: number, count: number, gap: number): number {
  return HEAD + HEIGHT / 2 + (index - (count - 1) / 2) * gap;
}

/** A unit's picture: its answers over the plane, where there is none in the first layer its weights, else its answers. */
function picture(unit: Unit, first: boolean, onPlane: boolean): Pick<Spot, "picture" | "plane" | "scale" | "low" | "high"> {
  if (onPlane) return { plane: true, ...centred(unit.response) };
  const numbers = first ? unit.weights : unit.response;
  const [low, high] = range(numbers);
  const signed = numbers === unit.weights;
  return { picture: numbers, plane: false, scale: signed ? "signed" : "amount", low: signed ? low : 0, high: signed ? high : Math.max(high, 1) };
}

/** Answers from 0 to 1 as amounts about their middle, so that the border between the two sides is seen; none where there is
 * no border, as of a dead unit. */
function centred(response: number[]): Pick<Spot, "picture" | "scale" | "low" | "high"> {
  const [low, high] = range(response);
  return { picture: response.map((value) => (low < high ? 2 * value - 1 : 0)), scale: "signed", low: -1, high: 1 };
}

/** How many points the plane has along a side; 0 where there is none. */
function planeSide(frame: Frame): number {
  return frame.boundary && "size" in frame.boundary ? frame.boundary.size : 0;
}

/** How much the first layer makes of each input: the mean size of its weights. */
function attention(frame: Frame, count: number): number[] {
  const units = frame.units[0] ?? [];
  return Array.from({ length: count }, (_, input) => mean(units.map((unit) => Math.abs(unit.weights[input] ?? 0))));
}

function inputs(frame: Frame, x: number): Column {
  const plane = planeSide(frame);
  const count = frame.units[0]?.[0]?.weights.length ?? 0;
  const base = { kind: "input" as const, layer: -1, hidden: null, x, bottom: HEAD + HEIGHT };
  if (!plane) {
    const wide = side(count);
    const name = wide === null ? String(count) : `${wide}×${wide}`;
    const weight = attention(frame, count);
    const shown = { picture: weight, plane: false, scale: "amount" as const, low: 0, high: range(weight)[1] };
    return { ...base, left: 0, spots: [{ unit: 0, name, x, y: middle(0, 1, 60), size: 64, bias: 0, ...shown }] };
  }
  const { size, gap } = placed(2);
  const spots = ["x₁", "x₂"].map((name, unit): Spot => {
    const along = (index: number): number => (unit === 0 ? index % 12 : Math.floor(index / 12)) / 5.5 - 1;
    const numbers = Array.from({ length: 144 }, (_, index) => along(index));
    return { unit, name, x, y: middle(unit, 2, gap), size, bias: 0, picture: numbers, plane: true, scale: "signed", low: -1, high: 1 };
  });
  return { ...base, left: 0, spots };
}

/** The columns of a network, spread over `room` pixels, and the size of the whole. */
export function columns(frame: Frame, room: number): { columns: Column[]; width: number; height: number } {
  const number = frame.units.length + 1;
  const width = Math.max(room, number * NARROWEST);
  const x = (index: number): number => (width / number) * (index + 0.5);
  const found: Column[] = [inputs(frame, x(0))];
  frame.units.forEach((units, layer) => {
    const drawn = units.slice(0, MOST_DRAWN);
    const { size, gap } = placed(drawn.length);
    const last = layer === frame.units.length - 1;
    found.push({
      kind: last ? "output" : "hidden",
      layer,
      hidden: last ? null : layer,
      x: x(layer + 1),
      bottom: HEAD + HEIGHT + 4,
      left: units.length - drawn.length,
      spots: drawn.map((unit, index) => ({
        unit: index,
        name: "",
        x: x(layer + 1),
        y: middle(index, drawn.length, gap),
        size,
        bias: unit.bias,
        ...picture(unit, layer === 0, planeSide(frame) ** 2 === unit.response.length),
      })),
    });
  });
  return { columns: found, width, height: HEAD + HEIGHT + 28 };
}

/** The lines between the units that are drawn. */
export function joints(frame: Frame, all: readonly Column[]): Joint[] {
  const found: Joint[] = [];
  all.forEach((column, index) => {
    const before = all[index - 1];
    if (!before) return;
    const whole = before.kind === "input" && before.spots.length === 1;
    const weights = column.spots.flatMap((spot) => frame.units[column.layer]?.[spot.unit]?.weights ?? []);
    const [low, high] = range(weights);
    const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
    for (const spot of column.spots) {
      const own = frame.units[column.layer]?.[spot.unit]?.weights ?? [];
      for (const from of before.spots) {
        const weight = whole ? mean(own) : (own[from.unit] ?? 0);
        found.push({
          key: `${column.layer}.${spot.unit}.${from.unit}`,
          path: curve(from.x + from.size / 2, from.y, spot.x - spot.size / 2, spot.y),
          strength: Number.isFinite(weight) ? weight / most : 0,
          layer: column.layer,
          unit: spot.unit,
        });
      }
    }
  });
  return found;
}

function mean(numbers: number[]): number {
  return numbers.length ? numbers.reduce((sum, value) => sum + value, 0) / numbers.length : 0;
}

function curve(x0: number, y0: number, x1: number, y1: number): string {
  const half = (x0 + x1) / 2;
  return `M${x0.toFixed(1)} ${y0.toFixed(1)}C${half.toFixed(1)} ${y0.toFixed(1)} ${half.toFixed(1)} ${y1.toFixed(1)} ${x1.toFixed(1)} ${y1.toFixed(1)}`;
}
