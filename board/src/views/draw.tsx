/** Draw a digit, and see which units answer. */

import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Prediction, RunDetail } from "../api";
import { ApiError, get, post } from "../client";
import { Button, Empty, ErrorBox, Loaded } from "../components";
import { percent, value as short } from "../format";
import { t } from "../i18n";
import { flatten, pictures, range, side, type Grid } from "../parts/grid";
import { centred, nested, Paper, pictureSide } from "../parts/handwriting";
import { Heat } from "../parts/Heat";
import { Sheet } from "../parts/Sheet";
import { shapeText, size } from "../parts/units";
import { useResource } from "../resource";
import { NoRun } from "./run";

export default function DrawView({ id }: { id: number }): VNode {
  const run = useResource<RunDetail>(String(id), (signal) => get<RunDetail>(`runs/${id}`, {}, signal));
  if (run.error instanceof ApiError && run.error.status === 404) return <NoRun />;
  return (
    <section class="draw-view" aria-labelledby="draw-title">
      <Loaded from={run}>
        {(detail) => (
          <>
            <header class="page-head">
              <h1 id="draw-title">{t("draw.name")}</h1>
              <p class="muted">
                <a href={`#/run/${id}`}>{detail.name}</a>
              </p>
            </header>
            <Body run={detail} />
          </>
        )}
      </Loaded>
    </section>
  );
}

function Body({ run }: { run: RunDetail }): VNode {
  const pixels = pictureSide(run.shape);
  if (pixels === null || !run.shape) {
    const shape = run.shape ? shapeText(run.shape, t("graph.scalar")) : "?";
    return <Empty title={t("draw.no_picture")}>{t("draw.no_picture_fix", { shape })}</Empty>;
  }
  return <Desk run={run} shape={run.shape} pixels={pixels} />;
}

interface Asked {
  grid: Grid;
  prediction: Prediction | null;
}

/** Asks for the newest picture only: while one is on the way, later ones replace each other. */
function useAnswer(run: number, shape: readonly number[]): [Asked | null, unknown, (grid: Grid | null) => void] {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [error, setError] = useState<unknown>(null);
  const next = useRef<Grid | null>(null);
  const busy = useRef(false);
  const work = async (): Promise<void> => {
    if (busy.current) return;
    busy.current = true;
    while (next.current) {
      const grid = next.current;
      next.current = null;
      try {
        const prediction = await post<Prediction>(`runs/${run}/predict`, { inputs: nested(grid, shape) });
        setAsked((now) => (now === null ? now : { grid, prediction }));
        setError(null);
      } catch (reason) {
        setError(reason);
      }
    }
    busy.current = false;
  };
  const ask = (grid: Grid | null): void => {
    next.current = grid;
    setAsked((now) => (grid === null ? null : { grid, prediction: now?.prediction ?? null }));
    void work();
  };
  return [asked, error, ask];
}

function Desk({ run, shape, pixels }: { run: RunDetail; shape: readonly number[]; pixels: number }): VNode {
  const paper = useMemo(() => new Paper(), []);
  const [drawn, setDrawn] = useState(0);
  const [asked, error, ask] = useAnswer(run.id, shape);
  useEffect(() => {
    ask(paper.isBlank ? null : centred(paper, pixels));
  }, [drawn]);
  return (
    <div class="desk">
      <div class="desk-paper">
        <Sheet paper={paper} drawn={drawn} onDraw={() => setDrawn((n) => n + 1)} />
        <div class="row">
          <Button
            icon="reset"
            onClick={() => {
              paper.clear();
              setDrawn((n) => n + 1);
            }}
          >
            {t("draw.clear")}
          </Button>
          {asked && (
            <figure class="seen">
              <Heat grid={asked.grid} label={t("draw.seen")} scale="grey" low={0} high={1} size={72} />
              <figcaption class="note">{t("draw.seen")}</figcaption>
            </figure>
          )}
        </div>
        <p class="note">{t("draw.keys")}</p>
      </div>
      <div class="desk-answer">
        {error ? <ErrorBox error={error} /> : null}
        {asked?.prediction ? (
          <>
            <Bars run={run} prediction={asked.prediction} />
            <Layers prediction={asked.prediction} />
          </>
        ) : (
          !error && <Empty title={t("draw.blank")}>{t("draw.blank_fix")}</Empty>
        )}
      </div>
    </div>
  );
}

function Bars({ run, prediction }: { run: RunDetail; prediction: Prediction }): VNode {
  const probabilities = prediction.probabilities?.[0];
  if (!probabilities) return <Value outputs={prediction.outputs[0] ?? []} />;
  const best = probabilities.indexOf(Math.max(...probabilities));
  const name = (index: number): string => String(run.classes?.[index] ?? index);
  return (
    <section aria-labelledby="draw-answer">
      <h2 id="draw-answer" aria-live="polite" data-predicted={best}>
        {t("draw.answer", { name: name(best), sure: percent(probabilities[best], 1) })}
      </h2>
      <ul class="bars">
        {probabilities.map((probability, index) => (
          <li key={index} class={index === best ? "best" : ""}>
            <span class="bar-name">{name(index)}</span>
            <span class="bar-track">
              <span class="bar" style={{ width: `${100 * probability}%` }} />
            </span>
            <span class="bar-value">{percent(probability, 1)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What a network says that predicts values. */
function Value({ outputs }: { outputs: number[] }): VNode {
  return (
    <h2 aria-live="polite" data-predicted={outputs[0]}>
      {t("draw.value", { value: outputs.map((output) => short(output)).join(", ") })}
    </h2>
  );
}

// These hand on what they are given: there is no unit in them that answers.
const SILENT = new Set(["Flatten", "Unflatten", "Dropout", "Dropout2d", "Identity"]);

function Layers({ prediction }: { prediction: Prediction }): VNode {
  return (
    <section aria-labelledby="draw-layers">
      <h2 id="draw-layers">{t("draw.layers")}</h2>
      <p class="note">{t("draw.layers_hint")}</p>
      <ol class="answering">
        {prediction.layers.filter((layer) => !SILENT.has(layer.kind)).map((layer) => (
          <li key={layer.path}>
            <h3>
              {layer.kind} <span class="muted">{layer.path}</span>
            </h3>
            <LayerPictures layer={layer} />
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Channels as pictures, units as a field of squares; on one scale, 0 in the middle. */
function LayerPictures({ layer }: { layer: Prediction["layers"][number] }): VNode {
  const shown = useMemo(() => {
    if (layer.shape.length < 2) return [field(layer.values)];
    const one = size(layer.shape.slice(1));
    const whole = Math.floor(layer.values.length / one);
    const flat = flatten(layer.values.slice(0, whole * one));
    return pictures({ ...flat, shape: [whole, ...layer.shape.slice(1)] }).slice(0, 32);
  }, [layer]);
  const [low, high] = range(layer.values);
  const active = layer.values.filter((value) => value > 0).length;
  return (
    <>
      <span class="card-pictures">
        {shown.map((grid, index) => (
          <Heat key={index} grid={grid} label={`${layer.kind} ${layer.path} ${index}`} {...{ low, high }} size={shown.length > 1 ? 52 : 176} />
        ))}
      </span>
      {layer.values.length === size(layer.shape) && <p class="card-facts">{t("draw.active", { active, of: layer.values.length })}</p>}
    </>
  );
}

function field(values: number[]): Grid {
  const columns = side(values.length) ?? Math.min(values.length, 16);
  const rows = Math.ceil(values.length / Math.max(columns, 1));
  const padded = Array.from({ length: rows * columns }, (_, index) => values[index] ?? 0);
  return { rows, columns, values: padded };
}
