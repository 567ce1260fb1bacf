import { useMemo, useState } from "preact/hooks";
import type { RunRow } from "../api";
import { Empty, Select } from "../components";
import { value } from "../format";
import { t } from "../i18n";
import { seriesText } from "../naming";
import { type Group, factorsOf, groupsOf } from "../sweeps";

/** Each sweep with its factor's levels: mean and spread of a metric over the seeds, and every run as a dot. */
export function Sweeps({ runs }: { runs: readonly RunRow[] }) {
  const sweeps = useMemo(() => {
    const found = new Map<string, RunRow[]>();
    for (const run of runs) if (run.sweep !== null) found.set(run.sweep, [...(found.get(run.sweep) ?? []), run]);
    return [...found].sort(([a], [b]) => b.localeCompare(a));
  }, [runs]);
  if (!sweeps.length) return <Empty title={t("sweeps.none")}>{t("sweeps.none.text")}</Empty>;
  return (
    <div class="stack">
      {sweeps.map(([name, members]) => <Sweep key={name} name={name} runs={members} />)}
    </div>
  );
}

const FAVOURED = ["valid_accuracy", "test_accuracy", "valid_loss", "test_loss", "loss"];

function Sweep({ name, runs }: { name: string; runs: readonly RunRow[] }) {
  const factors = factorsOf(runs);
  const metrics = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))];
  const [asked, setMetric] = useState<string | null>(null);
  const metric = asked !== null && metrics.includes(asked) ? asked : (FAVOURED.find((one) => metrics.includes(one)) ?? metrics[0] ?? "loss");
  const [factor, setFactor] = useState(factors.length > 1 ? (factors[0] ?? "") : "");
  const groups = useMemo(() => groupsOf(runs, factor || null, metric), [runs, factor, metric]);
  const ids = runs.map((run) => run.id);
  return (
    <section class="panel">
      <div class="panel-head">
        <div>
          <h2>{name}</h2>
          <p class="small muted">{t("runs.count", { n: runs.length })}{factors.length === 1 && ` · ${factors[0]}`}</p>
        </div>
        <div class="row">
          {factors.length > 1 && (
            <Select
              hidden
              label={t("sweeps.factor")}
              value={factor}
              onChange={setFactor}
              options={[...factors.map((one) => ({ value: one, text: one })), { value: "", text: t("sweeps.all") }]}
            />
          )}
          <Select hidden label={t("curves.metric")} value={metric} onChange={setMetric} options={metrics.map((one) => ({ value: one, text: seriesText(one) }))} />
          {ids.length > 1 && ids.length <= 10 && <a class="button plain" href={`#/compare/${ids.join(",")}`}>{t("runs.compare")}</a>}
        </div>
      </div>
      <Levels groups={groups} metric={metric} factor={factor || (factors.length === 1 ? (factors[0] ?? "") : t("sweeps.setting"))} />
    </section>
  );
}

function Levels({ groups, metric, factor }: { groups: Group[]; metric: string; factor: string }) {
  const values = groups.flatMap((group) => group.values);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const lower = /loss|error|mae|mse/.test(metric);
  const means = groups.map((group) => group.mean).filter(Number.isFinite);
  const best = lower ? Math.min(...means) : Math.max(...means);
  return (
    <div class="plain-scroll">
      <table class="figures levels">
        <thead>
          <tr>
            <th scope="col">{factor}</th>
            <th scope="col" class="numeric">{t("sweeps.runs")}</th>
            <th scope="col" class="numeric">{t("sweeps.mean")}</th>
            <th scope="col" class="wide-only">
              <span class="range"><span>{value(low)}</span><span>{seriesText(metric)}</span><span>{value(high)}</span></span>
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.level} class={group.mean === best ? "best" : undefined}>
              <th scope="row">{group.level}</th>
              <td class="numeric">{group.runs.length}</td>
              <td class="numeric">
                {group.values.length ? value(group.mean) : "–"}
                {group.spread !== null && <span class="muted"> ± {value(group.spread)}</span>}
              </td>
              <td class="wide-only"><Dots group={group} metric={metric} low={low} high={high} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Each run as a dot that leads to it, on the scale of all groups, with a line over mean ± spread. */
function Dots({ group, metric, low, high }: { group: Group; metric: string; low: number; high: number }) {
  const place = (one: number) => `${high > low ? 2 + (96 * (one - low)) / (high - low) : 50}%`;
  const spread = group.spread ?? 0;
  const [from, to] = [Math.max(low, group.mean - spread), Math.min(high, group.mean + spread)];
  return (
    <div class="dots">
      {group.values.length > 0 && (
        <span class="dots-spread" style={{ left: place(from), right: `calc(100% - ${place(to)})` }} aria-hidden="true" />
      )}
      {group.values.length > 1 && <span class="dots-mean" style={{ left: place(group.mean) }} aria-hidden="true" />}
      {group.runs.map((run, i) => {
        const one = run.metrics[metric];
        if (one === undefined || !Number.isFinite(one)) return null;
        // Runs of the same value stand above one another.
        const same = group.runs.slice(0, i).filter((other) => other.metrics[metric] === one).length;
        const style = { left: place(one), marginTop: `${same % 2 ? -5 * ((same + 1) / 2) : 5 * (same / 2)}px` };
        const text = `${run.name}: ${value(one)}`;
        return <a key={run.id} class="dot" href={`#/run/${run.id}`} style={style} title={text} aria-label={text} />;
      })}
    </div>
  );
}
