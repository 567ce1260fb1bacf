// Names of the server in the page's language.
import type { RunRow } from "./api";
import { apart } from "./curves";
import { count } from "./format";
import { known, t } from "./i18n";

/** A metric without the part it was measured on: "loss" -> "Loss". */
export function metricText(metric: string): string {
  const key = `metric.${metric}`;
  return known(key) ? t(key) : metric;
}

/** A series: "valid_loss" -> "valid loss". */
export function seriesText(name: string): string {
  const [part, metric] = apart(name);
  if (metric === "rate" || metric === "seconds") return metricText(metric);
  return t("metric.of", { part: t(`part.${part}`), metric: metricText(metric) });
}

/** A text that begins a line: "train loss" -> "Train loss". */
export function heading(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

/** How far a run is: "12 of 30 epochs", or steps where it counts them. */
export function progressText(run: Pick<RunRow, "epoch" | "epochs" | "step" | "steps">): string {
  const [done, all] = run.epochs ? [run.epoch ?? 0, run.epochs] : [run.step, run.steps];
  const unit = run.epochs ? "epochs" : "steps";
  if (all === null || done === all) return t(`run.${unit}.done`, { n: done, count: count(done) });
  return t(`run.${unit}`, { done: count(done), n: all, count: count(all) });
}

/** The share of a run that is done, null where nothing says how long it is. */
export function progress(run: Pick<RunRow, "epoch" | "epochs" | "step" | "steps">): number | null {
  if (run.steps) return Math.min(1, run.step / run.steps);
  return run.epochs ? Math.min(1, (run.epoch ?? 0) / run.epochs) : null;
}
