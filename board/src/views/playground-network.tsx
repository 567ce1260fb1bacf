/** The playground's network: what each unit answers over the plane, and how strongly the units are joined. */

import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { Button } from "../components";
import { value as short } from "../format";
import { t } from "../i18n";
import { side, type Grid } from "../parts/grid";
import { Heat } from "../parts/Heat";
import { columns, joints, type Column, type Spot } from "../parts/netdrawing";
import type { Frame } from "../parts/play";
import { useWidth } from "../parts/useWidth";
import { MOST_IN_ALL, MOST_LAYERS, MOST_UNITS, type Spec } from "../parts/playstate";

interface Looked {
  layer: number;
  unit: number;
}

interface Properties {
  spec: Spec;
  change: (changes: Partial<Spec>) => void;
  frame: Frame | null;
  looked: Looked | null;
  look: (at: Looked | null) => void;
}

export function PlaygroundNetwork({ spec, change, frame, looked, look }: Properties): VNode {
  const [frameElement, room] = useWidth<HTMLDivElement>(560);
  const drawn = useMemo(() => (frame ? columns(frame, room) : null), [frame, room]);
  const lines = useMemo(() => (frame && drawn ? joints(frame, drawn.columns) : []), [frame, drawn]);
  const widths = (layers: number[]): void => change({ layers });
  const all = spec.layers.reduce((sum, width) => sum + width, 0);
  const next = Math.min(spec.layers[spec.layers.length - 1] ?? 4, MOST_IN_ALL - all);
  return (
    <section class="playground-network" aria-labelledby="playground-network">
      <header class="network-head">
        <h2 id="playground-network">{t("playground.layers", { n: spec.layers.length })}</h2>
        <Button disabled={spec.layers.length >= MOST_LAYERS || next < 1} onClick={() => widths([...spec.layers, next])} icon="plus">
          {t("playground.add_layer")}
        </Button>
        <Button disabled={!spec.layers.length} onClick={() => widths(spec.layers.slice(0, -1))}>
          {t("playground.remove_layer")}
        </Button>
      </header>
      <div class="network-frame" ref={frameElement}>
        {drawn && (
          <div class="network" style={{ width: `${drawn.width}px`, height: `${drawn.height}px` }} onMouseLeave={() => look(null)}>
            <svg width={drawn.width} height={drawn.height} aria-hidden="true">
              {lines.map(({ key, path, strength, layer, unit }) => {
                const dim = looked && (looked.layer !== layer || looked.unit !== unit);
                return (
                  <path
                    key={key}
                    class={`joint ${strength < 0 ? "minus" : "plus"} ${dim ? "dim" : ""}`}
                    d={path}
                    stroke-width={0.4 + 4.6 * Math.abs(strength)}
                    stroke-opacity={0.25 + 0.65 * Math.abs(strength)}
                  />
                );
              })}
            </svg>
            {drawn.columns.map((column, index) => (
              <ColumnView key={index} {...{ column, spec, looked, look, widths }} />
            ))}
          </div>
        )}
      </div>
      <p class="note">{t(frame?.boundary === null ? "playground.network_hint_many" : "playground.network_hint")}</p>
    </section>
  );
}

interface ColumnProperties {
  column: Column;
  spec: Spec;
  looked: Looked | null;
  look: (at: Looked | null) => void;
  widths: (layers: number[]) => void;
}

function ColumnView({ column, spec, looked, look, widths }: ColumnProperties): VNode {
  const { hidden } = column;
  const all = spec.layers.reduce((sum, width) => sum + width, 0);
  const units = hidden === null ? 0 : (spec.layers[hidden] ?? 0);
  const set = (n: number): void => widths(spec.layers.map((width, index) => (index === hidden ? n : width)));
  return (
    <>
      <div class="column-head" style={{ left: `${column.x}px` }}>
        {hidden === null ? (
          <span>{column.kind === "input" ? t("playground.inputs") : t("playground.outputs")}</span>
        ) : (
          <span class="stepper" role="group" aria-label={t("playground.units_of", { layer: hidden + 1 })}>
            <button type="button" disabled={units <= 1} aria-label={t("playground.fewer")} onClick={() => set(units - 1)}>−</button>
            <b>{units}</b>
            <button type="button" disabled={units >= MOST_UNITS || all >= MOST_IN_ALL} aria-label={t("playground.more")} onClick={() => set(units + 1)}>+</button>
          </span>
        )}
      </div>
      {column.spots.map((spot) => (
        <SpotView key={spot.unit} {...{ spot, column, looked, look }} />
      ))}
      {column.left > 0 && (
        <span class="column-more" style={{ left: `${column.x}px`, top: `${column.bottom}px` }}>
          {t("playground.more_units", { n: column.left })}
        </span>
      )}
    </>
  );
}

function asGrid(numbers: number[], rowsFromTop: boolean): Grid {
  const square = side(numbers.length);
  if (square === null) {
    let wide = Math.ceil(Math.sqrt(numbers.length)) || 1;
    while (numbers.length % wide) wide += 1;
    return { rows: numbers.length / wide, columns: wide, values: numbers };
  }
  if (!rowsFromTop) return { rows: square, columns: square, values: numbers };
  // The plane's first row is its lowest y; a picture's first row is its top.
  const turned = Array.from({ length: square }, (_, row) => numbers.slice((square - 1 - row) * square, (square - row) * square));
  return { rows: square, columns: square, values: turned.flat() };
}

interface SpotProperties {
  spot: Spot;
  column: Column;
  looked: Looked | null;
  look: (at: Looked | null) => void;
}

function SpotView({ spot, column, looked, look }: SpotProperties): VNode {
  const grid = useMemo(() => asGrid(spot.picture, spot.plane), [spot]);
  const { layer } = column;
  const here = looked?.layer === layer && looked.unit === spot.unit;
  const place = { left: `${spot.x - spot.size / 2}px`, top: `${spot.y - spot.size / 2}px`, width: `${spot.size}px`, height: `${spot.size}px` };
  const name =
    column.kind === "input"
      ? t("playground.input", { name: spot.name })
      : t("playground.unit", { layer: layer + 1, unit: spot.unit + 1, bias: short(spot.bias) });
  const picture = <Heat grid={grid} label="" scale={spot.scale} low={spot.low} high={spot.high} smooth={spot.plane} />;
  if (column.kind === "input")
    return (
      <span class="spot spot-input" style={place} title={name} role="img" aria-label={name}>
        {picture}
        <span class={`spot-name${spot.plane ? "" : " below"}`}>{spot.name}</span>
      </span>
    );
  const at = { layer, unit: spot.unit };
  return (
    <button
      type="button"
      class={`spot ${here ? "here" : ""}`}
      style={place}
      title={name}
      aria-label={name}
      aria-pressed={here}
      data-unit={`${layer}.${spot.unit}`}
      onMouseEnter={() => look(at)}
      onFocus={() => look(at)}
      onBlur={() => look(null)}
    >
      {picture}
    </button>
  );
}
