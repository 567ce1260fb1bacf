/** One chart for each metric, side by side, all at the same zoom; and the switches above them. */

import type { VNode } from "preact";
import { Chart, type ChartLine, type ChartMark, Slider, Switch } from "../components";
import type { Zoom } from "../components/chart";
import { value } from "../format";
import { t } from "../i18n";
import { heading, metricText } from "../naming";
import { stored } from "../stored";

const smoothing = stored("smoothing", 0);
const logarithmic = stored("logarithmic", false);

/** Smoothing and the logarithmic scale. */
export function CurveControls(): VNode {
  return (
    <>
      <div class="short-slider">
        <Slider
          label={t("curves.smoothing")}
          value={smoothing.value}
          min={0}
          max={0.98}
          step={0.02}
          show={(factor) => (factor ? value(factor) : t("curves.off"))}
          onChange={(factor) => (smoothing.value = factor)}
        />
      </div>
      <Switch label={t("curves.log")} on={logarithmic.value} onChange={(on) => (logarithmic.value = on)} />
    </>
  );
}

export interface ChartSpec {
  metric: string;
  lines: ChartLine[];
}

interface Properties {
  specs: readonly ChartSpec[];
  /** What happened at some step, beside all metrics that tell of the network. */
  marks?: ChartMark[];
  zoom: Zoom;
  onZoom: (zoom: Zoom) => void;
  sync: string;
}

export function MetricCharts({ specs, marks = [], zoom, onZoom, sync }: Properties): VNode {
  return (
    <div class="grid-2">
      {specs.map(({ metric, lines }) => (
        <section key={metric} class="panel">
          <Chart
            label={heading(metricText(metric))}
            lines={lines}
            marks={metric === "rate" || metric === "seconds" ? [] : marks}
            log={logarithmic.value && metric !== "accuracy"}
            smoothing={metric === "rate" ? 0 : smoothing.value}
            zoom={zoom}
            onZoom={onZoom}
            sync={sync}
          />
        </section>
      ))}
    </div>
  );
}
