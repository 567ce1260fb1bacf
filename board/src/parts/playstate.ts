/** The playground's choices and the address that holds them: readable keys, each choice spelled out. */

export interface Spec {
  data: string;
  points: number;
  noise: number;
  seed: number;
  test_share: number;
  layers: number[];
  activation: string;
  optimizer: string;
  lr: number;
  batch_size: number;
  l1: number;
  l2: number;
  dropout: number;
}

export const DATA = ["spiral", "moons", "circles", "digits"] as const;
export const ACTIVATIONS = ["ReLU", "Tanh", "Sigmoid", "GELU", "LeakyReLU", "Linear"] as const;
export const OPTIMIZERS = ["SGD", "Momentum", "Adam", "AdamW", "RMSprop"] as const;
export const MOST_LAYERS = 6;
export const MOST_UNITS = 64;
export const MOST_IN_ALL = 128;

/** The noise that shows best what each set of points is about. */
export const NOISE: Record<string, number> = { spiral: 0.1, moons: 0.1, circles: 0.05 };

export const DEFAULT: Spec = {
  data: "spiral",
  points: 300,
  noise: 0.1,
  seed: 0,
  test_share: 0.3,
  layers: [16, 16],
  activation: "ReLU",
  optimizer: "Adam",
  lr: 0.03,
  batch_size: 32,
  l1: 0,
  l2: 0,
  dropout: 0,
};

interface Bound {
  low: number;
  high: number;
  whole?: boolean;
}

export const BOUNDS: Record<string, Bound> = {
  points: { low: 12, high: 4000, whole: true },
  noise: { low: 0, high: 5 },
  seed: { low: 0, high: 2 ** 31 - 1, whole: true },
  test_share: { low: 0.1, high: 0.9 },
  lr: { low: 1e-6, high: 100 },
  batch_size: { low: 0, high: 4000, whole: true },
  l1: { low: 0, high: 10 },
  l2: { low: 0, high: 10 },
  dropout: { low: 0, high: 0.9 },
};

/** `text` as a number within the bounds of `key`, or `fallback` where it is none. */
export function bounded(key: string, text: string | number | null, fallback: number): number {
  const bound = BOUNDS[key];
  const value = text === null || text === "" ? NaN : Number(text);
  if (!bound || !Number.isFinite(value)) return fallback;
  const kept = Math.min(Math.max(value, bound.low), bound.high);
  return bound.whole ? Math.round(kept) : kept;
}

function widths(text: string | null): number[] {
  if (text === null) return DEFAULT.layers;
  const found = text.split("-").map(Number).filter((width) => Number.isInteger(width) && width > 0);
  let left = MOST_IN_ALL;
  return found.slice(0, MOST_LAYERS).flatMap((width) => {
    const kept = Math.min(width, MOST_UNITS, left);
    left -= kept;
    return kept > 0 ? [kept] : [];
  });
}

function one(text: string | null, of: readonly string[], fallback: string): string {
  return text !== null && of.includes(text) ? text : fallback;
}

/** The choices in an address; what is absent, unknown or out of bounds is as by default. */
export function readSpec(query: string): Spec {
  const given = new URLSearchParams(query);
  const data = given.get("data");
  const own = data !== null && /^csv:[\w-]{1,80}$/.test(data) ? data : one(data, DATA, DEFAULT.data);
  const numbers = Object.keys(BOUNDS).map((key) => [
    key,
    bounded(key, given.get(key), DEFAULT[key as keyof Spec] as number),
  ]);
  return {
    ...DEFAULT,
    ...(Object.fromEntries(numbers) as Partial<Spec>),
    noise: bounded("noise", given.get("noise"), NOISE[own] ?? 0),
    data: own,
    layers: widths(given.get("layers")),
    activation: one(given.get("activation"), ACTIVATIONS, DEFAULT.activation),
    optimizer: one(given.get("optimizer"), OPTIMIZERS, DEFAULT.optimizer),
  };
}

/** The query of an address that `readSpec` reads back as the same choices. */
export function writeSpec(spec: Spec): string {
  const pairs = Object.keys(DEFAULT).map((key) => {
    const value = spec[key as keyof Spec];
    const text = Array.isArray(value) ? value.join("-") || "none" : String(value);
    return `${key}=${encodeURIComponent(text).replace("%3A", ":")}`;
  });
  return pairs.join("&");
}
