// The runs of a sweep by the levels of its factors.
import type { RunRow, Value } from "./api";
import { plain } from "./format";

export interface Group {
  level: string;
  runs: RunRow[];
  values: number[];
  mean: number;
  /** The standard deviation over the group's runs; null of a single one. */
  spread: number | null;
}

const SEED = "seed";

/** The factors of a sweep that are no seeds, those first that vary. */
export function factorsOf(runs: readonly RunRow[]): string[] {
  return [...new Set(runs.flatMap((run) => Object.keys(run.factors)))].filter((name) => name !== SEED);
}

const level = (run: RunRow, factor: string) => plain(run.factors[factor] as Value);

function commonest(levels: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const one of levels) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

/**
 * The runs that tell of one factor: all of a grid, and where one factor is varied at a time
 * those that have the others as the sweep has them by itself, lest another factor's effect is told as this one's.
 */
function tellingOf(runs: readonly RunRow[], factor: string): readonly RunRow[] {
  const factors = factorsOf(runs);
  const own = new Map(factors.map((name) => [name, commonest(runs.map((run) => level(run, name)))]));
  const changes = (run: RunRow) => factors.filter((name) => level(run, name) !== own.get(name));
  if (!runs.every((run) => changes(run).length <= 1)) return runs;
  return runs.filter((run) => changes(run).every((name) => name === factor));
}

/** Groups by the levels of a factor, or with null by the levels of all together, in their order. */
export function groupsOf(runs: readonly RunRow[], factor: string | null, metric: string): Group[] {
  const factors = factorsOf(runs);
  const telling = factor === null ? runs : tellingOf(runs, factor);
  const nameOf = (run: RunRow) => (factor === null ? factors.map((one) => (factors.length > 1 ? `${one}=${level(run, one)}` : level(run, one))).join(", ") : level(run, factor));
  const groups = new Map<string, RunRow[]>();
  for (const run of telling) groups.set(nameOf(run), [...(groups.get(nameOf(run)) ?? []), run]);
  return [...groups]
    .map(([name, members]) => ({ level: name, runs: members, ...measured(members, metric) }))
    .sort((a, b) => a.level.localeCompare(b.level, undefined, { numeric: true }) || 0)
    .sort((a, b) => Number(a.level) - Number(b.level) || 0);
}

function measured(runs: readonly RunRow[], metric: string): Pick<Group, "values" | "mean" | "spread"> {
  const values = runs.map((run) => run.metrics[metric]).filter((one): one is number => one !== undefined && Number.isFinite(one));
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
  const squares = values.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { values, mean, spread: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null };
}
