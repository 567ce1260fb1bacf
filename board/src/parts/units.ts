/** Sizes and shapes as people read them. */

/** Bytes in the unit that keeps the number small. */
export function bytes(size: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const unit = Math.min(Math.floor(Math.log2(Math.max(size, 1)) / 10), units.length - 1);
  return `${Number((size / 1024 ** unit).toPrecision(3))} ${units[unit]}`;
}

/** A shape: 32 × 1 × 28 × 28; that of a scalar is "scalar" in the words given. */
export function shapeText(lengths: readonly number[], scalar: string): string {
  return lengths.length ? lengths.join(" × ") : scalar;
}

/** How many numbers an array of this shape has. */
export function size(lengths: readonly number[]): number {
  return lengths.reduce((product, length) => product * length, 1);
}
