import { language } from "./i18n";

const locale = () => (language.value === "zh" ? "zh-Hans" : "en");
const formats = new Map<string, Intl.NumberFormat>();

function format(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale() + JSON.stringify(options);
  let known = formats.get(key);
  if (!known) formats.set(key, (known = new Intl.NumberFormat(locale(), options)));
  return known;
}

/** A measured value with four significant digits: 0.03142, 1.25e-7, NaN, ∞. */
export function value(number: number | null | undefined): string {
  if (number === null || number === undefined) return "–";
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  const size = Math.abs(number);
  if (number === 0) return "0";
  if (size < 1e-3 || size >= 1e6) return number.toExponential(2).replace("e+", "e").replace(/-/g, "−");
  return format({ maximumSignificantDigits: 4, useGrouping: size >= 1e4 }).format(number).replace("-", "−");
}

/** A whole number with its thousands apart: 12,345. */
export function count(number: number): string {
  return format({ maximumFractionDigits: 0 }).format(number);
}

/** A round number in little room: 1.25M. */
export function compact(number: number): string {
  return format({ notation: "compact", maximumSignificantDigits: 6 }).format(number).replace("-", "−");
}

/** A share as a percentage: 97.5%. */
export function percent(share: number | null | undefined, digits = 1): string {
  if (share === null || share === undefined || Number.isNaN(share)) return "–";
  return format({ style: "percent", maximumFractionDigits: digits }).format(share);
}

/** A length of time: 38 s, 4 min 10 s, 2 h 5 min. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const zh = language.value === "zh";
  const [h, min, s] = zh ? [" 时", " 分", " 秒"] : [" h", " min", " s"];
  if (seconds < 10) return `${seconds.toFixed(1)}${s}`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}${s}`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${min} ${whole % 60}${s}`;
  return `${Math.floor(whole / 3600)}${h} ${Math.floor((whole % 3600) / 60)}${min}`;
}

/** When something was, from unix seconds: the clock for today, with its day for this year, the date alone for others. */
export function moment(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  const date = new Date(seconds * 1000);
  const now = new Date();
  const day: Intl.DateTimeFormatOptions = { month: "short", day: "numeric" };
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  const thisYear = date.getFullYear() === now.getFullYear();
  const options = date.toDateString() === now.toDateString() ? clock : thisYear ? { ...day, ...clock } : { year: "numeric" as const, ...day };
  return new Intl.DateTimeFormat(locale(), { ...options, hourCycle: "h23" }).format(date);
}

/** Anything of a configuration, on one line. */
export function plain(thing: unknown): string {
  if (thing === null || thing === undefined) return "–";
  if (typeof thing === "number") return Number.isSafeInteger(thing) ? String(thing) : value(thing);
  if (typeof thing === "string") return thing;
  if (Array.isArray(thing)) return `[${thing.map(plain).join(", ")}]`;
  return JSON.stringify(thing);
}
