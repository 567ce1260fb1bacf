/** Arrays as they come over the wire, and the two-dimensional pictures that are cut out of them. */

import type { Nested } from "../api";

/** A picture of numbers, row by row. */
export interface Grid {
  rows: number;
  columns: number;
  values: ArrayLike<number>;
}

/** A named picture out of an array of more axes. */
export interface Picture extends Grid {
  label: string;
}

export interface Flat {
  shape: number[];
  values: Float64Array;
}

/** A nested list as its shape and its numbers one after the other. */
export function flatten(nested: Nested): Flat {
  const shape: number[] = [];
  for (let at: Nested | undefined = nested; Array.isArray(at); at = at[0]) shape.push(at.length);
  const found: number[] = [];
  const walk = (part: Nested): void => {
    if (Array.isArray(part)) part.forEach(walk);
    else found.push(Number(part));
  };
  walk(nested);
  return { shape, values: Float64Array.from(found) };
}

/** The smallest and the largest finite number, [0, 0] where there is none. */
export function range(values: ArrayLike<number>): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? NaN;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}

export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += (values[index] ?? 0) ** 2;
  return Math.sqrt(sum);
}

/** The sides of a square picture with `size` pixels, or null where a row of them is no picture (under 4 by 4). */
export function side(size: number): number | null {
  const root = Math.round(Math.sqrt(size));
  return root >= 4 && root * root === size ? root : null;
}

/** An array of at most two axes as one picture: a scalar is one cell, a vector one row. */
function plane(shape: number[], values: ArrayLike<number>): Grid {
  const columns = shape[shape.length - 1] ?? 1;
  return { rows: columns ? values.length / columns : 0, columns, values };
}

/**
 * The pictures of an array: up to two axes give one, three give one for each entry of the first, four the channels of
 * entry `sample`, or of all entries where it is null. With `images`, rows whose length is a square are pictures of their own.
 */
export function pictures(flat: Flat, sample: number | null = 0, images = false): Picture[] {
  const { shape, values } = flat;
  const last = shape[shape.length - 1] ?? 1;
  const square = images && shape.length <= 2 ? side(last) : null;
  if (square !== null) return cut({ shape: [values.length / last, square, square], values }, []);
  if (shape.length <= 2) return [{ ...plane(shape, values), label: "" }];
  if (shape.length === 3) return cut(flat, []);
  if (sample === null) return cut({ shape: shape.filter((length, axis) => length > 1 || axis >= shape.length - 2), values }, []);
  const inner = shape.slice(1);
  const size = inner.reduce((product, length) => product * length, 1);
  const at = Math.min(sample, (shape[0] ?? 1) - 1);
  return cut({ shape: inner, values: values.slice(at * size, (at + 1) * size) }, []);
}

function cut({ shape, values }: { shape: number[]; values: ArrayLike<number> }, at: number[]): Picture[] {
  if (shape.length <= 2) return [{ ...plane(shape, values), label: at.join(", ") }];
  const [count = 0, ...inner] = shape;
  const size = inner.reduce((product, length) => product * length, 1);
  const found: Picture[] = [];
  for (let index = 0; index < count; index++) {
    const part = Array.prototype.slice.call(values, index * size, (index + 1) * size) as number[];
    found.push(...cut({ shape: inner, values: part }, [...at, index]));
  }
  return found;
}

/** Whether `pictures` has several samples to choose among, and how many. */
export function samples(shape: number[]): number {
  return shape.length >= 4 ? (shape[0] ?? 1) : 1;
}

/** A picture that is much taller than wide, laid on its side: its columns are the rows of the array. */
export function laid<T extends Grid>(grid: T): { grid: T; turned: boolean } {
  const { rows, columns, values } = grid;
  if (rows < 12 || rows < 2.5 * columns) return { grid, turned: false };
  const turned = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column] ?? NaN;
  }
  return { grid: { ...grid, rows: columns, columns: rows, values: turned }, turned: true };
}
