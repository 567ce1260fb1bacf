/** From what was drawn to what the network reads: the way MNIST's digits were centred. */

import type { Grid } from "./grid";

/** The side of the picture that is drawn on. */
export const SIDE = 112;

export class Paper {
  readonly ink = new Float32Array(SIDE * SIDE);

  clear(): void {
    this.ink.fill(0);
  }

  get isBlank(): boolean {
    return this.ink.every((value) => value === 0);
  }

  /** A round dab with a soft rim, at `x` and `y` in pixels of the paper. */
  dab(x: number, y: number, radius = SIDE / 20): void {
    const reach = Math.ceil(radius + 1);
    for (let row = Math.max(0, Math.floor(y) - reach); row <= Math.min(SIDE - 1, Math.floor(y) + reach); row++) {
      for (let column = Math.max(0, Math.floor(x) - reach); column <= Math.min(SIDE - 1, Math.floor(x) + reach); column++) {
        const far = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const value = Math.min(Math.max(radius + 0.5 - far, 0), 1);
        const at = row * SIDE + column;
        this.ink[at] = Math.max(this.ink[at] ?? 0, value);
      }
    }
  }

  stroke(fromX: number, fromY: number, toX: number, toY: number): void {
    const steps = Math.max(Math.ceil(Math.hypot(toX - fromX, toY - fromY) / 2), 1);
    for (let step = 0; step <= steps; step++) {
      this.dab(fromX + ((toX - fromX) * step) / steps, fromY + ((toY - fromY) * step) / steps);
    }
  }
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

function inked(ink: Float32Array): Box | null {
  let [left, top, right, bottom] = [SIDE, SIDE, -1, -1];
  ink.forEach((value, at) => {
    if (value < 0.1) return;
    const [row, column] = [Math.floor(at / SIDE), at % SIDE];
    left = Math.min(left, column);
    right = Math.max(right, column);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row);
  });
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** The ink's mean over a rectangle that may end between pixels. */
function mean(ink: Float32Array, left: number, top: number, width: number, height: number): number {
  let [sum, area] = [0, 0];
  for (let row = Math.floor(top); row < top + height; row++) {
    for (let column = Math.floor(left); column < left + width; column++) {
      const part =
        (Math.min(row + 1, top + height) - Math.max(row, top)) * (Math.min(column + 1, left + width) - Math.max(column, left));
      const inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
      sum += part * (inside ? (ink[row * SIDE + column] ?? 0) : 0);
      area += part;
    }
  }
  return area ? sum / area : 0;
}

/** The middle of the ink's weight. */
function centre(ink: Float32Array): [number, number] {
  let [x, y, all] = [0, 0, 0];
  ink.forEach((value, at) => {
    x += value * ((at % SIDE) + 0.5);
    y += value * (Math.floor(at / SIDE) + 0.5);
    all += value;
  });
  return all ? [x / all, y / all] : [SIDE / 2, SIDE / 2];
}

/** From this many pixels on a picture has the rim and the centring of MNIST; smaller ones, as UCI's digits, are filled. */
const RIMMED = 16;

/**
 * What was drawn as `size` by `size` pixels from 0 to 1: the longer side of the ink fills 20 of 28 parts, and the middle
 * of its weight lies in the middle of the picture. Small pictures are filled by the ink and centred by its outline.
 * Source: the descriptions of MNIST (yann.lecun.com/exdb/mnist) and of the UCI digits (doi.org/10.24432/C50P49).
 */
export function centred(paper: Paper, size: number): Grid {
  const box = inked(paper.ink);
  const values = new Float32Array(size * size);
  if (!box) return { rows: size, columns: size, values };
  const rimmed = size >= RIMMED;
  const pixel = Math.max(box.width, box.height) / (rimmed ? (size * 20) / 28 : size);
  const [x, y] = rimmed ? centre(paper.ink) : [box.left + box.width / 2, box.top + box.height / 2];
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const left = x + (column - size / 2) * pixel;
      const top = y + (row - size / 2) * pixel;
      values[row * size + column] = Math.min(mean(paper.ink, left, top, pixel, pixel), 1);
    }
  }
  return { rows: size, columns: size, values };
}

/** The side of a run's pictures, or null where its inputs are no square pictures of one channel. */
export function pictureSide(shape: readonly number[] | null): number | null {
  if (!shape || !shape.length) return null;
  const size = shape.reduce((product, length) => product * length, 1);
  const root = Math.round(Math.sqrt(size));
  const sides = shape.filter((length) => length !== 1);
  const square = sides.length === 1 || (sides.length === 2 && sides[0] === sides[1]);
  return root * root === size && root >= 8 && square ? root : null;
}

/** A picture as nested lists of the shape that the run reads. */
export function nested(grid: Grid, shape: readonly number[]): unknown {
  let at = 0;
  const build = (rest: readonly number[]): unknown => {
    const [length, ...inner] = rest;
    if (length === undefined) return grid.values[at++] ?? 0;
    return Array.from({ length }, () => build(inner));
  };
  return build(shape);
}
