import { useMemo, useState } from "preact/hooks";
import type { Finding, Points, RunDetail } from "../api";
import { type ChartMark, Empty, ErrorBox, Skeleton } from "../components";
import type { Zoom } from "../components/chart";
import { apart, metricsOf, useCourses } from "../curves";
import { value } from "../format";
import { pick, t } from "../i18n";
import { heading, seriesText } from "../naming";
import { type ChartSpec, CurveControls, MetricCharts } from "../parts/MetricCharts";
import { navigate } from "../router";
import type { RunViewProps } from "./props";

const COLOURS = { train: "--s1", valid: "--s2", test: "--s3" } as const;

function charts(series: Readonly<Record<string, Points>>): ChartSpec[] {
  const names = Object.keys(series).filter((name) => series[name]?.step.length);
  return metricsOf(names).map((metric) => ({
    metric,
    lines: names
      .filter((name) => apart(name)[1] === metric)
      .map((name) => ({ name: seriesText(name), colour: COLOURS[apart(name)[0]], points: series[name] as Points })),
  }));
}

function marksOf(run: RunDetail): ChartMark[] {
  return run.findings.map((finding) => ({
    step: finding.since,
    text: `${t("findings.since", { step: finding.since })}: ${pick(finding.title)}`,
    onSelect: () => navigate(`/run/${run.id}/findings`),
  }));
}

export default function Curves({ run }: RunViewProps) {
  const [zoom, setZoom] = useState<Zoom>(null);
  const ids = useMemo(() => [run.id], [run.id]);
  const { courses, error, loading, reload } = useCourses(ids, zoom);
  const series = courses.get(run.id);
  const specs = useMemo(() => (series ? charts(series) : []), [series, t("metric.loss")]);
  const marks = useMemo(() => marksOf(run), [run.findings, t("metric.loss")]);

  if (error && !series) return <ErrorBox error={error} retry={reload} />;
  if (!series || (loading && !specs.length)) return <Skeleton height={260} />;
  if (!specs.length) return <Empty title={t("curves.none")}>{t(run.status === "running" ? "curves.none.yet" : "curves.none.text")}</Empty>;
  return (
    <div class="stack">
      <div class="row controls">
        <CurveControls />
        <p class="hint wide-only">{t("curves.hint")}</p>
      </div>
      {run.findings.length > 0 && <FindingLine run={run} findings={run.findings} />}
      <MetricCharts specs={specs} marks={marks} zoom={zoom} onZoom={setZoom} sync={`run ${run.id}`} />
      <LastValues run={run} />
    </div>
  );
}

function FindingLine({ run, findings }: { run: RunDetail; findings: readonly Finding[] }) {
  return (
    <a class="finding-line" href={`#/run/${run.id}/findings`}>
      <strong>{t("findings.count", { n: findings.length })}</strong>
      <span>{findings.map((finding) => pick(finding.title)).join(" · ")}</span>
    </a>
  );
}

/** The numbers behind the curves as text: last and best. */
function LastValues({ run }: { run: RunDetail }) {
  const names = Object.keys(run.metrics);
  if (!names.length) return null;
  return (
    <section class="panel">
      <h2 class="section-title">{t("curves.values")}</h2>
      <div class="plain-scroll">
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">{t("curves.metric")}</th>
              <th scope="col" class="numeric">{t("curves.last")}</th>
              <th scope="col" class="numeric">{t("curves.best")}</th>
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <th scope="row">{heading(seriesText(name))}</th>
                <td class="numeric">{value(run.metrics[name])}</td>
                <td class="numeric">{value(run.best[name])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
