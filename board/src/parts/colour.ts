/** The colours of values, the same wherever numbers are shown as a picture. */

export type Rgb = readonly [number, number, number];
export type Scale = "signed" | "amount" | "grey";

interface Palette {
  signed: readonly Rgb[];
  amount: readonly Rgb[];
  missing: Rgb;
}

// Blue (negative) and orange (positive) stay apart for all common kinds of colour blindness; the middle is the page's ground.
const LIGHT: Palette = {
  signed: [[14, 72, 138], [62, 132, 200], [172, 206, 238], [246, 246, 243], [247, 205, 160], [226, 122, 46], [158, 62, 8]],
  amount: [[244, 245, 240], [196, 224, 208], [122, 190, 182], [54, 144, 160], [26, 94, 132], [16, 48, 92]],
  missing: [201, 42, 150],
};

const DARK: Palette = {
  signed: [[140, 200, 255], [52, 132, 210], [30, 74, 118], [32, 36, 40], [122, 66, 28], [222, 118, 40], [255, 176, 102]],
  amount: [[30, 33, 39], [24, 66, 88], [28, 106, 122], [56, 152, 142], [124, 200, 156], [226, 240, 180]],
  missing: [255, 96, 200],
};

const GREY: readonly Rgb[] = [[0, 0, 0], [255, 255, 255]];

const CLASSES_LIGHT: readonly Rgb[] = [
  [214, 106, 24], [36, 108, 184], [42, 140, 92], [178, 60, 140], [138, 110, 20], [98, 82, 196], [14, 136, 150],
  [196, 56, 66], [104, 116, 128], [120, 140, 30],
];
const CLASSES_DARK: readonly Rgb[] = [
  [245, 150, 72], [96, 168, 240], [92, 196, 142], [232, 124, 196], [208, 178, 74], [160, 146, 248], [76, 200, 212],
  [244, 118, 122], [164, 176, 188], [176, 200, 84],
];

/** The colour at `share` (0 to 1) of the way along `stops`. */
export function blend(stops: readonly Rgb[], share: number): Rgb {
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const index = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [stops[index] ?? [0, 0, 0], stops[index + 1] ?? [0, 0, 0]];
  const part = place - index;
  return [0, 1, 2].map((c) => Math.round((from[c] ?? 0) * (1 - part) + (to[c] ?? 0) * part)) as unknown as Rgb;
}

/** A table of 256 colours of a scale, for filling pictures fast. */
export function table(scale: Scale, dark: boolean): Uint8ClampedArray {
  const palette = dark ? DARK : LIGHT;
  const stops = scale === "grey" ? GREY : palette[scale];
  const colours = new Uint8ClampedArray(256 * 3);
  for (let index = 0; index < 256; index++) colours.set(blend(stops, index / 255), index * 3);
  return colours;
}

/** The colour of what is no number: NaN and the infinities. */
export function missing(dark: boolean): Rgb {
  return (dark ? DARK : LIGHT).missing;
}

/** The colour of class `index`; with more than ten classes they repeat. */
export function classColour(index: number, dark: boolean): Rgb {
  const colours = dark ? CLASSES_DARK : CLASSES_LIGHT;
  return colours[((index % colours.length) + colours.length) % colours.length] ?? [128, 128, 128];
}

/** The colour of `value` between `low` and `high`; a signed scale is symmetric about 0. */
export function valueColour(value: number, low: number, high: number, scale: Scale, dark: boolean): Rgb {
  if (!Number.isFinite(value)) return missing(dark);
  const palette = dark ? DARK : LIGHT;
  const stops = scale === "grey" ? GREY : palette[scale];
  return blend(stops, share(value, low, high, scale));
}

/** Where `value` lies on the scale, from 0 to 1. */
export function share(value: number, low: number, high: number, scale: Scale): number {
  if (scale === "signed") {
    const bound = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return 0.5 + value / (2 * bound);
  }
  return high > low ? (value - low) / (high - low) : 0.5;
}

export function css([red, green, blue]: Rgb, alpha = 1): string {
  return alpha === 1 ? `rgb(${red} ${green} ${blue})` : `rgb(${red} ${green} ${blue} / ${alpha})`;
}

/** Black or white, whichever reads better on `colour`. */
export function inkOn([red, green, blue]: Rgb): string {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#14171c" : "#ffffff";
}
