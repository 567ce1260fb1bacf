import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Points } from "../api";
import { compact, count, value as shown } from "../format";
import { language, t } from "../i18n";
import { colour, theme } from "../theme";
import { type Plotted, nearest, plotted } from "./lines";

export interface ChartLine {
  name: string;
  /** A CSS variable: "--s1". */
  colour: string;
  points: Points;
  dashed?: boolean;
  /** Lines of one group share a place in the legend, which tells their values side by side. */
  group?: string;
}

export interface ChartMark {
  step: number;
  text: string;
  onSelect?: () => void;
}

export type Zoom = readonly [number, number] | null;

export interface ChartProps {
  /** What the chart shows: its heading, and its name for screen readers. */
  label: string;
  lines: readonly ChartLine[];
  marks?: readonly ChartMark[];
  log?: boolean;
  /** 0 shows what was measured, towards 1 averages over more and more points. */
  smoothing?: number;
  height?: number;
  zoom?: Zoom;
  onZoom?: (zoom: Zoom) => void;
  /** Charts of one key share the reading line. */
  sync?: string;
}

function faded(name: string, alpha: number): string {
  return colour(name).replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
}

/** On a logarithmic scale the powers of ten are named; within one or two of them also twos and fives. */
function named(_: uPlot, splits: number[]): (number | null)[] {
  const digit = (split: number) => Math.round(split / 10 ** Math.floor(Math.log10(split) + 1e-9));
  const exact = (split: number) => Math.abs(split / 10 ** Math.floor(Math.log10(split) + 1e-9) - digit(split)) < 1e-6;
  const powers = splits.filter((split) => exact(split) && digit(split) === 1);
  const wanted = powers.length > 2 ? [1] : [1, 2, 5];
  return splits.map((split) => (exact(split) && wanted.includes(digit(split)) ? split : null));
}

function tick(split: number): string {
  const size = Math.abs(split);
  return size >= 1e4 && size < 1e9 ? compact(split) : shown(split).replace(/\.?0*e/, "e");
}

/** The distances that ticks may have: `digits` times the powers of ten. */
function distances(digits: readonly number[], lowest: number, highest: number): number[] {
  return Array.from({ length: highest - lowest }, (_, power) => digits.map((digit) => digit * 10 ** (lowest + power))).flat();
}

// Steps are whole numbers; a loss that diverges reaches the end of what float32 holds.
const STEPS = distances([1, 2, 5], 0, 12);
const VALUES = distances([1, 2, 2.5, 5], -40, 40);

function axis(side: "x" | "y", log: boolean): uPlot.Axis {
  return {
    ...(log ? { filter: named, grid: { show: true, stroke: colour("--line"), width: 1, filter: named } } : { grid: { show: side === "y", stroke: colour("--line"), width: 1 } }),
    stroke: colour("--ink-3"),
    font: "11px system-ui, sans-serif",
    ticks: { show: false },
    size: side === "x" ? 24 : 50,
    ...(side === "x" ? { incrs: STEPS } : log ? {} : { incrs: VALUES }),
    gap: 6,
    space: side === "x" ? 70 : 34,
    values: (_, splits) => splits.map((split) => (split === null ? "" : side === "x" ? compact(split) : tick(split))),
  };
}

function series(line: ChartLine, smoothed: boolean): uPlot.Series[] {
  const strong: uPlot.Series = {
    label: line.name,
    stroke: colour(line.colour),
    width: 1.75,
    spanGaps: true,
    points: { show: line.points.step.length < 2, size: 6, fill: colour(line.colour) },
    ...(line.dashed ? { dash: [6, 4] } : {}),
  };
  const edge: uPlot.Series = { stroke: "transparent", width: 0, spanGaps: true, points: { show: false } };
  const raw: uPlot.Series = { stroke: faded(line.colour, smoothed ? 0.28 : 0), width: 1, spanGaps: true, points: { show: false } };
  return [edge, edge, raw, strong];
}

function span(low: number | null, high: number | null, log: boolean): [number, number] {
  if (low === null || high === null) return log ? [0.1, 1] : [0, 1];
  if (log) return low === high ? [low / 2, high * 2] : [low * 0.85, high * 1.15];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 0.5;
  // What is never negative keeps its zero at the bottom, with room for the line itself.
  return [low >= 0 ? Math.max(low - room, (high + room) * -0.02) : low - room, high + room];
}

interface Latest {
  plot: uPlot | null;
  data: Plotted;
  zoom: Zoom;
  setZoom: (zoom: Zoom) => void;
}

function build(props: ChartProps, latest: { current: Latest }, width: number, hooks: uPlot.Hooks.Arrays): uPlot.Options {
  const { lines, log = false, smoothing = 0, height = 220, sync } = props;
  return {
    width,
    height,
    legend: { show: false },
    // At the right a tick's text reaches beyond the last step.
    padding: [10, 16, 0, 0],
    cursor: {
      y: false,
      points: { size: 7 },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          latest.current.setZoom(null);
          return null;
        },
      },
      ...(sync ? { sync: { key: sync, scales: ["x", null] } } : {}),
    },
    scales: {
      x: {
        time: false,
        range: (_, low, high) => {
          const [from, to] = latest.current.zoom ?? [low, high];
          return from === to || from === null ? [(from ?? 0) - 1, (from ?? 0) + 1] : [from, to];
        },
      },
      y: { distr: log ? 3 : 1, range: (_, low, high) => span(low, high, log) },
    },
    axes: [axis("x", false), axis("y", log)],
    series: [{}, ...lines.flatMap((line) => series(line, smoothing > 0))],
    bands: lines.map((line, i) => ({ series: [4 * i + 2, 4 * i + 1] as [number, number], fill: faded(line.colour, 0.13) })),
    hooks,
  };
}

/** Curves over steps: drag to zoom, double click for all; from the keyboard arrows, + and −, 0. */
export function Chart(props: ChartProps) {
  const { label, lines, marks = [], log = false, smoothing = 0, height = 220 } = props;
  const box = useRef<HTMLDivElement>(null);
  const [own, setOwn] = useState<Zoom>(null);
  const zoom = props.zoom === undefined ? own : props.zoom;
  const setZoom = props.onZoom ?? setOwn;
  const [at, setAt] = useState<number | null>(null);
  const [pins, setPins] = useState<readonly Pin[]>([]);

  const data = useMemo(() => plotted(lines, { smoothing, log }), [lines, smoothing, log]);
  const latest = useRef<Latest>({ plot: null, data, zoom, setZoom });
  Object.assign(latest.current, { data, zoom, setZoom });
  const placed = useRef<() => void>(() => {});
  placed.current = () => {
    const plot = latest.current.plot;
    if (!plot) return;
    const left = plot.bbox.left / devicePixelRatio;
    const width = plot.bbox.width / devicePixelRatio;
    const next = pinned(marks.map((mark) => plot.valToPos(mark.step, "x")), left, width, latest.current.zoom === null);
    setPins((former) => (JSON.stringify(former) === JSON.stringify(next) ? former : next));
  };

  const shape = lines.map((line) => [line.name, line.colour, line.dashed, line.points.step.length < 2].join()).join(";");
  useLayoutEffect(() => {
    const frame = box.current;
    if (!frame) return;
    const hooks: uPlot.Hooks.Arrays = {
      draw: [() => placed.current()],
      setCursor: [(plot) => setAt(plot.cursor.idx === null || plot.cursor.idx === undefined ? null : (plot.data[0][plot.cursor.idx] ?? null))],
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return;
          const from = plot.posToVal(plot.select.left, "x");
          const to = plot.posToVal(plot.select.left + plot.select.width, "x");
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.setZoom([from, to]);
        },
      ],
    };
    const plot = new uPlot(build(props, latest, frame.clientWidth, hooks), latest.current.data.table, frame);
    latest.current.plot = plot;
    const stop = touch(plot);
    const sizes = new ResizeObserver(() => plot.setSize({ width: frame.clientWidth, height }));
    sizes.observe(frame);
    return () => {
      sizes.disconnect();
      stop();
      plot.destroy();
      latest.current.plot = null;
    };
  }, [shape, log, smoothing > 0, height, theme.value, language.value, props.sync]);

  useEffect(() => latest.current.plot?.setData(data.table), [data, zoom?.[0], zoom?.[1]]);
  useEffect(() => placed.current(), [marks]);

  const steps = data.table[0];
  const reading = at ?? steps[steps.length - 1] ?? 0;
  const readings = lines.map((line, i) => {
    const found = nearest(line.points.step, reading);
    return found < 0 ? null : (data.strong[i]?.[found] ?? null);
  });

  const press = (event: KeyboardEvent) => {
    const plot = latest.current.plot;
    const act = plot && keys(plot, steps, reading, zoom)[event.key];
    if (!act) return;
    event.preventDefault();
    const next = act();
    if (next !== undefined) setZoom(next);
  };

  return (
    <figure class="chart">
      <figcaption class="chart-head">
        <span class="chart-title">{label}</span>
        {zoom && <button type="button" class="chart-reset" onClick={() => setZoom(null)}>{t("chart.reset")}</button>}
        <span class="chart-step">{t("chart.step", { step: count(reading) })}</span>
      </figcaption>
      <Legend lines={lines} readings={readings} />
      <div
        class="chart-frame"
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={steps[0] ?? 0}
        aria-valuemax={steps[steps.length - 1] ?? 0}
        aria-valuenow={reading}
        aria-valuetext={`${t("chart.step", { step: reading })}: ${lines.map((line, i) => `${line.name} ${shown(readings[i])}`).join(", ")}`}
        onKeyDown={press}
      >
        <div class="chart-plot" ref={box} style={{ height: `${height}px` }} />
        {pins.map((pin) => {
          const own = pin.marks.map((i) => marks[i]).filter((mark) => mark !== undefined);
          const text = own.map((mark) => mark.text).join("\n");
          return (
            <button key={pin.left} type="button" class="chart-mark" style={{ left: `${pin.left}px` }} title={text} aria-label={text} onClick={own[0]?.onSelect}>
              <span>{own.length > 1 ? own.length : ""}</span>
            </button>
          );
        })}
      </div>
    </figure>
  );
}

function Legend({ lines, readings }: { lines: readonly ChartLine[]; readings: readonly (number | null)[] }) {
  const groups = [...new Set(lines.map((line) => line.group ?? line.name))];
  return (
    <ul class="chart-legend" aria-hidden="true">
      {groups.map((group) => {
        const own = lines.map((line, i) => ({ line, reading: readings[i] })).filter(({ line }) => (line.group ?? line.name) === group);
        const first = own[0]?.line;
        if (!first) return null;
        return (
          <li key={group}>
            <span class={`swatch${first.dashed ? " dashed" : ""}`} style={{ color: `var(${first.colour})` }} />
            <span class="chart-name">{group}</span>
            <span class="chart-value">{own.map(({ reading }) => shown(reading)).join(" · ")}</span>
          </li>
        );
      })}
    </ul>
  );
}

interface Pin {
  left: number;
  /** The marks that stand here, by their places in the list. */
  marks: number[];
}

/** Marks by where they are drawn: near ones share a pin, and what lies outside stands at the edge unless one has zoomed in. */
function pinned(places: readonly number[], left: number, width: number, clamped: boolean): Pin[] {
  const order = places.map((x, i) => ({ x: clamped ? Math.max(0, Math.min(width, x)) : x, i })).sort((a, b) => a.x - b.x);
  const pins: Pin[] = [];
  for (const { x, i } of order) {
    if (!Number.isFinite(x) || x < -1 || x > width + 1) continue;
    const last = pins[pins.length - 1];
    const at = Math.round(left + x);
    if (last && at - last.left < 16) last.marks.push(i);
    else pins.push({ left: at, marks: [i] });
  }
  return pins;
}

/** What each key does to a chart; an action gives the new zoom, if any. */
function keys(plot: uPlot, steps: ArrayLike<number>, reading: number, zoom: Zoom): Record<string, () => Zoom | undefined> {
  const first = steps[0] ?? 0;
  const last = steps[steps.length - 1] ?? 1;
  const [from, to] = zoom ?? [first, last];
  const walk = (by: number) => () => {
    const index = nearest(steps, reading) + by;
    const step = steps[Math.max(0, Math.min(steps.length - 1, index))];
    if (step !== undefined) plot.setCursor({ left: plot.valToPos(step, "x"), top: 1 });
    return undefined;
  };
  const scale = (factor: number) => () => {
    const half = ((to - from) * factor) / 2;
    const middle = Math.max(from, Math.min(to, reading));
    const next: Zoom = [Math.max(first, middle - half), Math.min(last, middle + half)];
    return next[0] <= first && next[1] >= last ? null : next;
  };
  const stride = Math.max(1, Math.round(steps.length / 40));
  return {
    ArrowRight: walk(1),
    ArrowLeft: walk(-1),
    PageUp: walk(stride),
    PageDown: walk(-stride),
    Home: walk(-steps.length),
    End: walk(steps.length),
    "+": scale(0.5),
    "=": scale(0.5),
    "-": scale(2),
    "0": () => null,
  };
}

/** Let a finger move the reading line sideways; up and down still scrolls the page. */
function touch(plot: uPlot): () => void {
  const move = (event: PointerEvent) => {
    if (event.pointerType !== "touch") return;
    const box = plot.over.getBoundingClientRect();
    plot.setCursor({ left: event.clientX - box.left, top: event.clientY - box.top });
  };
  plot.over.addEventListener("pointerdown", move);
  plot.over.addEventListener("pointermove", move);
  return () => {
    plot.over.removeEventListener("pointerdown", move);
    plot.over.removeEventListener("pointermove", move);
  };
}
