import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Points, RunRow } from "../api";
import { Button, type ChartLine, Empty, ErrorBox, Segmented, Skeleton, StatusBadge } from "../components";
import type { Zoom } from "../components/chart";
import { type Courses, type Part, apart, metricsOf, useCourses } from "../curves";
import { plain, value } from "../format";
import { t } from "../i18n";
import { heading, seriesText } from "../naming";
import { type ChartSpec, CurveControls, MetricCharts } from "../parts/MetricCharts";
import { navigate } from "../router";
import { runs, runsError, runsLoaded, loadRuns } from "../store";

const colourOf = (place: number) => `--s${(place % 10) + 1}`;
/** More curves in one chart are no longer told apart. */
const MOST = 10;

export default function Compare({ ids }: { ids: number[] }) {
  if (!runsLoaded.value) return runsError.value ? <ErrorBox error={runsError.value} retry={() => void loadRuns()} /> : <Skeleton lines={8} />;
  const rows = ids.map((id) => runs.value.get(id)).filter((row) => row !== undefined);
  if (rows.length < 2) {
    return (
      <Empty title={t("compare.few")} action={<a class="button primary" href="#/">{t("app.toruns")}</a>}>
        {t("compare.few.text")}
      </Empty>
    );
  }
  return <Comparison rows={rows.slice(0, MOST)} left={rows.length - MOST} />;
}

type Shown = Part | "both";

function Comparison({ rows, left }: { rows: RunRow[]; left: number }) {
  const key = rows.map((row) => row.id).join(",");
  const ids = useMemo(() => rows.map((row) => row.id), [key]);
  const [zoom, setZoom] = useState<Zoom>(null);
  const [part, setPart] = useState<Shown>("both");
  const { courses, error, reload } = useCourses(ids, zoom);
  const names = useMemo(() => shortNames(rows), [key]);
  const specs = useMemo(() => chartsOf(courses, ids, names, part), [courses, ids, names, part, t("metric.loss")]);
  return (
    <div class="stack">
      <div class="page-head tight">
        <h1>{t("compare.title", { n: rows.length })}</h1>
      </div>
      <Chosen rows={rows} names={names} />
      {left > 0 && <p class="hint">{t("compare.left", { n: left })}</p>}
      <div class="row controls">
        <Segmented
          label={t("compare.part")}
          value={part}
          onChange={setPart}
          options={(["both", "train", "valid"] as const).map((one) => ({ value: one, text: one === "both" ? t("compare.both") : t(`part.${one}`) }))}
        />
        <CurveControls />
        {part === "both" && <p class="hint">{t("compare.dashes")}</p>}
      </div>
      {error !== null && <ErrorBox error={error} retry={reload} />}
      {!specs.length && error === null && (courses.size ? <Empty title={t("curves.none")}>{t("curves.none.text")}</Empty> : <Skeleton height={240} />)}
      <MetricCharts specs={specs} zoom={zoom} onZoom={setZoom} sync="compare" />
      <Results rows={rows} names={names} />
      <Differences rows={rows} names={names} />
    </div>
  );
}

/** Names without what all of them begin with, cut at a separator. */
function shortNames(rows: readonly RunRow[]): string[] {
  const names = rows.map((row) => row.name);
  const first = names[0] ?? "";
  let common = 0;
  while (common < first.length && names.every((name) => name[common] === first[common])) common++;
  const cut = Math.max(first.lastIndexOf("/", common - 1), first.lastIndexOf("-", common - 1)) + 1;
  return names.map((name) => name.slice(cut) || name);
}

function chartsOf(courses: Courses, ids: readonly number[], names: readonly string[], shown: Shown): ChartSpec[] {
  const all = [...courses.values()].flatMap((series) => Object.keys(series));
  return metricsOf(all)
    .map((metric) => {
      const lines = ids.flatMap((id, place): ChartLine[] =>
        Object.entries(courses.get(id) ?? {})
          .filter(([name, points]) => apart(name)[1] === metric && points.step.length && wanted(name, shown))
          .map(([name, points]: [string, Points]) => {
            const train = apart(name)[0] === "train";
            const label = shown === "both" && !train ? `${names[place]} ${t(`part.${apart(name)[0]}`)}` : (names[place] ?? "");
            return { name: label, group: names[place] ?? "", colour: colourOf(place), points, dashed: shown === "both" && !train };
          }),
      );
      return { metric, lines };
    })
    .filter((spec) => spec.lines.length);
}

function wanted(name: string, shown: Shown): boolean {
  const [part, metric] = apart(name);
  return shown === "both" || part === shown || ((metric === "rate" || metric === "seconds") && shown === "train");
}

function Chosen({ rows, names }: { rows: readonly RunRow[]; names: readonly string[] }) {
  const without = (id: number) => navigate(`/compare/${rows.map((row) => row.id).filter((one) => one !== id).join(",")}`, { replace: true });
  return (
    <ul class="chosen-runs">
      {rows.map((row, place) => (
        <li key={row.id}>
          <span class="swatch" style={{ color: `var(${colourOf(place)})` }} />
          <a href={`#/run/${row.id}`} title={row.name}>{names[place]}</a>
          <StatusBadge status={row.status} />
          <Button kind="quiet" icon="close" label={t("compare.remove", { name: row.name })} onClick={() => without(row.id)} />
        </li>
      ))}
    </ul>
  );
}

interface TableProps {
  rows: readonly RunRow[];
  names: readonly string[];
}

function Results({ rows, names }: TableProps) {
  const metrics = [...new Set(rows.flatMap((row) => Object.keys(row.metrics)))];
  return (
    <section class="panel">
      <h2 class="section-title">{t("compare.results")}</h2>
      <Grid rows={rows} names={names} head={t("curves.metric")}>
        {metrics.map((metric) => (
          <tr key={metric}>
            <th scope="row">{heading(seriesText(metric))}</th>
            {rows.map((row) => <td key={row.id} class="numeric">{value(row.metrics[metric])}</td>)}
          </tr>
        ))}
      </Grid>
    </section>
  );
}

const MUTE = /^(title|description|reported)(\.|$)/;

/** How many values of a key the recipes write down. */
function levels(rows: readonly RunRow[], key: string): number {
  return new Set(rows.filter((row) => key in row.config).map((row) => plain(row.config[key]))).size;
}

function Differences({ rows, names }: TableProps) {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row.config)))];
  const told = (row: RunRow, key: string) => (key in row.config ? plain(row.config[key]) : "–");
  const different = keys.filter((key) => !MUTE.test(key) && new Set(rows.map((row) => told(row, key))).size > 1);
  // A recipe that does not name a key has the usual value, which may well be the same as another's written one.
  const [written, others] = [different.filter((key) => levels(rows, key) > 1), different.filter((key) => levels(rows, key) <= 1)];
  const lines = (of: readonly string[]) => (
    <Grid rows={rows} names={names} head={t("compare.key")}>
      {of.map((key) => (
        <tr key={key}>
          <th scope="row"><code>{key}</code></th>
          {rows.map((row) => <td key={row.id} class="numeric">{told(row, key)}</td>)}
        </tr>
      ))}
    </Grid>
  );
  return (
    <section class="panel">
      <h2 class="section-title">{t("compare.differences")}</h2>
      {written.length > 0 ? lines(written) : <p class="muted">{t("compare.same")}</p>}
      {others.length > 0 && (
        <details class="others">
          <summary>{t("compare.others", { n: others.length })}</summary>
          {lines(others)}
        </details>
      )}
    </section>
  );
}

function Grid({ rows, names, head, children }: TableProps & { head: string; children: ComponentChildren }) {
  return (
    <div class="plain-scroll" tabIndex={0} role="region" aria-label={head}>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">{head}</th>
            {rows.map((row, place) => (
              <th key={row.id} scope="col" class="numeric">
                <span class="swatch" style={{ color: `var(${colourOf(place)})` }} /> {names[place]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
