import { useMemo, useState } from "preact/hooks";
import type { Course, LayerStatistics, Statistics } from "../api";
import { get } from "../client";
import { Chart, type ChartLine, Empty, Loaded, Segmented } from "../components";
import { nearest } from "../components/lines";
import { percent, value } from "../format";
import { type Key, t } from "../i18n";
import type { Scale } from "../parts/colour";
import { Heat, Legend } from "../parts/Heat";
import { Histogram } from "../parts/Histogram";
import { heading } from "../naming";
import { useResource } from "../resource";
import { runs } from "../store";
import type { RunViewProps } from "./props";

interface Measure {
  scale: Scale;
  /** Told by its power of ten: what matters is its order of magnitude. */
  power?: boolean;
  /** A share: from 0 to 1 whatever was measured. */
  share?: boolean;
}

const MEASURES = {
  std: { scale: "amount" },
  mean: { scale: "signed" },
  dead_share: { scale: "amount", share: true },
  saturated_share: { scale: "amount", share: true },
  gradient_norm: { scale: "amount", power: true },
  update_ratio: { scale: "amount", power: true },
  weight_norm: { scale: "amount" },
} as const satisfies Record<string, Measure>;
type MeasureName = keyof typeof MEASURES;

function has(layer: LayerStatistics, name: MeasureName): boolean {
  return layer[name]?.some((one) => one !== null && Number.isFinite(one)) ?? false;
}

export default function StatisticsView({ run }: RunViewProps) {
  // While it runs, looks come with its epochs.
  const epoch = run.status === "running" ? (runs.value.get(run.id)?.epoch ?? 0) : run.status;
  const resource = useResource(`statistics ${run.id} ${epoch}`, (signal) => get<Statistics>(`runs/${run.id}/statistics`, {}, signal));
  return (
    <Loaded from={resource} height={300}>
      {(data) =>
        Object.keys(data.layers).length ? (
          <Layers data={data} />
        ) : (
          <Empty title={t("statistics.none")}>{t("statistics.none.text")}</Empty>
        )
      }
    </Loaded>
  );
}

function Layers({ data }: { data: Statistics }) {
  const names = Object.keys(data.layers);
  const there = (Object.keys(MEASURES) as MeasureName[]).filter((name) => names.some((layer) => has(data.layers[layer] as LayerStatistics, name)));
  const [asked, setMeasure] = useState<MeasureName>("std");
  const measure = there.includes(asked) ? asked : (there[0] ?? "std");
  const [chosen, setLayer] = useState<string | null>(null);
  const layer = chosen !== null && chosen in data.layers ? chosen : (names.find((name) => has(data.layers[name] as LayerStatistics, "gradient_norm")) ?? names[0] ?? "");
  return (
    <div class="stack">
      <div class="row controls">
        <Segmented
          label={t("statistics.measure")}
          value={measure}
          onChange={setMeasure}
          options={there.map((name) => ({ value: name, text: t(`statistics.${name}`) }))}
        />
      </div>
      <HeatMap data={data} measure={measure} layer={layer} onLayer={setLayer} />
      <Layer name={layer} steps={data.steps} layer={data.layers[layer] as LayerStatistics} />
    </div>
  );
}

interface HeatMapProps {
  data: Statistics;
  measure: MeasureName;
  layer: string;
  onLayer: (layer: string) => void;
}

function bounds(values: readonly number[], { share, power }: Measure): [number, number] {
  if (share) return [0, 1];
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return [0, 1];
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  return power ? [low, Math.max(high, low + 1)] : [Math.min(low, 0), high === low ? high + 1 : high];
}

/** Layers by steps: which one dies, saturates or stops learning, and when. */
function HeatMap({ data, measure, layer, onLayer }: HeatMapProps) {
  const kind: Measure = MEASURES[measure];
  const rows = useMemo(() => {
    const told = (one: number | null) => (one === null ? Number.NaN : kind.power ? Math.log10(one) : one);
    return Object.entries(data.layers)
      .filter(([, statistics]) => has(statistics, measure))
      .map(([name, statistics]) => {
        const course = (statistics[measure] as Course).slice();
        return { name, kind: statistics.kind, course, grid: { rows: 1, columns: course.length, values: course.map(told) } };
      });
  }, [data, measure]);
  const [low, high] = useMemo(() => bounds(rows.flatMap((row) => row.grid.values), kind), [rows, kind]);
  const [at, setAt] = useState<number | null>(null);
  const last = data.steps.length - 1;
  const index = Math.min(at ?? last, last);
  const show = (one: number | null | undefined) => (kind.share ? percent(one) : value(one));

  const point = (event: PointerEvent) => {
    const strip = (event.target as Element).closest(".strip");
    if (!strip) return;
    const box = strip.getBoundingClientRect();
    setAt(Math.max(0, Math.min(last, Math.floor(((event.clientX - box.left) / box.width) * data.steps.length))));
  };

  return (
    <section class="panel">
      <div class="panel-head">
        <h2>{heading(t("statistics.over", { measure: t(`statistics.${measure}`) }))}</h2>
        <Legend low={low} high={high} scale={kind.scale} power={kind.power ?? false} />
      </div>
      <p class="hint heat-hint">{t(`statistics.${measure}.hint` as Key)}</p>
      <div class="strips" onPointerMove={point} onPointerDown={point} onPointerLeave={() => setAt(null)}>
        {rows.map((row) => (
          <button
            key={row.name}
            type="button"
            class="strip-row"
            aria-pressed={row.name === layer}
            onClick={() => onLayer(row.name)}
            aria-label={`${row.name} (${row.kind}): ${show(row.course[index])}`}
          >
            <span class="strip-name">
              <strong>{row.name}</strong> <span>{row.kind}</span>
            </span>
            <span class="strip">
              <Heat grid={row.grid} label="" scale={kind.scale} low={low} high={high} />
            </span>
            <span class="strip-value">{show(row.course[index])}</span>
          </button>
        ))}
        <p class="strip-axis" aria-hidden="true">
          <span>{t("chart.step", { step: data.steps[0] ?? 0 })}</span>
          <span>{at === null ? "" : t("chart.step", { step: data.steps[index] ?? 0 })}</span>
          <span>{t("chart.step", { step: data.steps[last] ?? 0 })}</span>
        </p>
      </div>
    </section>
  );
}

function line(name: MeasureName, steps: number[], layer: LayerStatistics, colour: string): ChartLine {
  const kept = steps.map((step, i) => [step, layer[name]?.[i] ?? null] as const).filter((pair): pair is readonly [number, number] => pair[1] !== null);
  return { name: t(`statistics.${name}`), colour, points: { step: kept.map(([step]) => step), value: kept.map(([, one]) => one) } };
}

function activation(steps: number[], layer: LayerStatistics): ChartLine {
  const mean = line("mean", steps, layer, "--s1");
  const spread = line("std", steps, layer, "--s1").points;
  const around = (sign: number) =>
    mean.points.value.map((one, i) => one + sign * (spread.value[nearest(spread.step, mean.points.step[i] ?? 0)] ?? 0));
  return { ...mean, name: t("statistics.mean_spread"), points: { ...mean.points, low: around(-1), high: around(1) } };
}

function Layer({ name, steps, layer }: { name: string; steps: number[]; layer: LayerStatistics }) {
  const specs = useMemo(() => {
    const shares = (["dead_share", "saturated_share"] as const)
      .filter((one) => has(layer, one))
      .map((one, i) => line(one, steps, layer, i ? "--s5" : "--s8"));
    return [
      { label: t("statistics.activation"), lines: has(layer, "mean") ? [activation(steps, layer)] : [], log: false },
      { label: t("statistics.shares"), lines: shares, log: false },
      { label: heading(t("statistics.gradient_norm")), lines: has(layer, "gradient_norm") ? [line("gradient_norm", steps, layer, "--s2")] : [], log: true },
      { label: heading(t("statistics.update_ratio")), lines: has(layer, "update_ratio") ? [line("update_ratio", steps, layer, "--s3")] : [], log: true },
    ].filter((spec) => spec.lines.length);
  }, [layer, steps, t("statistics.activation")]);
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>
          {name} <span class="muted">{layer.kind}</span>
        </h2>
      </div>
      <div class="grid-2 charts">
        {specs.map((spec) => (
          <Chart key={spec.label} {...spec} height={160} sync="statistics" />
        ))}
        {layer.histogram && (
          <div>
            <h3 class="chart-title">{t("statistics.histogram")}</h3>
            <Histogram data={layer.histogram} label={t("statistics.histogram")} />
          </div>
        )}
        {layer.gradient_histogram && (
          <div>
            <h3 class="chart-title">{t("statistics.gradient_histogram")}</h3>
            <Histogram data={layer.gradient_histogram} label={t("statistics.gradient_histogram")} />
          </div>
        )}
      </div>
    </section>
  );
}
