// The filter above the runs: words, and conditions such as lr<0.01 or optimizer.type=Adam.
import type { RunRow, Value } from "./api";
import { plain } from "./format";

const CONDITION = /^([\p{L}\p{N}_.]+)(!=|<=|>=|=|<|>)(.+)$/u;

/** What a run has under a name: a key of its configuration, whole or its last parts, a metric, or a column. */
export function lookUp(run: RunRow, name: string): Value | undefined {
  if (name in run.config) return run.config[name];
  if (name in run.metrics) return run.metrics[name];
  if (name in run.factors) return run.factors[name];
  const own = { name: run.name, status: run.status, set: run.set, model: run.model, sweep: run.sweep, findings: run.findings, epoch: run.epoch, step: run.step };
  if (name in own) return own[name as keyof typeof own];
  const key = Object.keys(run.config).find((one) => one.endsWith(`.${name}`));
  return key === undefined ? undefined : run.config[key];
}

function holds(found: Value | undefined, operator: string, asked: string): boolean {
  if (operator === "!=") return !holds(found, "=", asked);
  if (found === undefined) return false;
  const text = plain(found).toLowerCase();
  if (operator === "=" && text === asked.toLowerCase()) return true;
  const [left, right] = [typeof found === "number" ? found : Number.NaN, Number(asked)];
  if (Number.isNaN(left) || Number.isNaN(right)) return operator === "=" && typeof found === "string" && text.includes(asked.toLowerCase());
  if (operator === "=") return left === right;
  if (operator === "<") return left < right;
  if (operator === ">") return left > right;
  return operator === "<=" ? left <= right : left >= right;
}

/** Whether a run fits all terms of a query; every word may stand anywhere in its name, data, network or state. */
export function fits(run: RunRow, query: string): boolean {
  const text = [run.name, run.set, run.model, run.status, run.sweep].filter(Boolean).join(" ").toLowerCase();
  return query
    .split(/\s+/)
    .filter(Boolean)
    .every((term) => {
      const [, name, operator, asked] = CONDITION.exec(term) ?? [];
      return name && operator && asked ? holds(lookUp(run, name), operator, asked) : text.includes(term.toLowerCase());
    });
}
