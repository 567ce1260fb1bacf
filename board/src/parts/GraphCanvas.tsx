/** The graph as a picture that can be moved about in and folded. */

import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { asset } from "../assets";
import { t } from "../i18n";
import { theme } from "../theme";
import { useCamera } from "./camera";
import type { Folding, Line, Picture } from "./folding";
import { face, GraphBox, GraphFrame } from "./GraphBox";
import { look, path, widths, type Statistic } from "./graphlook";
import { step } from "./graphsteps";
import { Placer, type Direction, type Placed, type Question } from "./placing";

interface Properties {
  /** Changes when the picture is to be seen as a whole again. */
  fresh: number;
  folding: Folding;
  picture: Picture;
  statistic: Statistic;
  chosen: string | null;
  onChoose: (key: string | null) => void;
  onFold: (path: string, open: boolean) => void;
}

type Faces = Map<string, ReturnType<typeof face>>;

const wide = matchMedia("(min-width: 821px)");
const direction = signal<Direction>(wide.matches ? "right" : "down");
wide.addEventListener("change", () => (direction.value = wide.matches ? "right" : "down"));

function question(picture: Picture, faces: Faces, direction: Direction): Omit<Question, "ticket"> {
  const frames = new Set(picture.open.map((group) => group.path));
  const name = (group: string): string => (frames.has(group) ? `g:${group}` : "");
  return {
    direction,
    boxes: picture.boxes.map(({ key, parent }) => {
      const { width = 96, height = 40 } = faces.get(key) ?? {};
      return { key, width, height, parent: name(parent) };
    }),
    groups: picture.open.map(({ path: group, parent }) => ({ path: `g:${group}`, parent: name(parent) })),
    lines: picture.lines.map(({ from, to }) => ({ from, to })),
  };
}

/** Where everything goes: asked again only when what is to be placed has changed. */
function usePlaces(asked: Omit<Question, "ticket">): Placed | null {
  const [placed, setPlaced] = useState<{ of: string; answer: Placed } | null>(null);
  const placer = useRef<Placer | null>(null);
  const text = JSON.stringify(asked);
  useEffect(() => {
    placer.current ??= new Placer(asset("layout.worker.js"));
    placer.current.ask(asked, (answer) => setPlaced({ of: text, answer }));
  }, [text]);
  useEffect(() => () => placer.current?.close(), []);
  return placed?.of === text ? placed.answer : null;
}

/** The last picture that has its places: until a new one is laid out, the former stays. */
function useSettled(picture: Picture, faces: Faces): [{ picture: Picture; faces: Faces; placed: Placed } | null, Placed | null] {
  const placed = usePlaces(useMemo(() => question(picture, faces, direction.value), [picture, faces, direction.value]));
  const settled = useRef<{ picture: Picture; faces: Faces; placed: Placed } | null>(null);
  if (placed) settled.current = { picture, faces, placed };
  return [settled.current, placed];
}

export function GraphCanvas(properties: Properties): VNode {
  const { folding, picture, statistic } = properties;
  const svg = useRef<SVGSVGElement>(null);
  const camera = useCamera(svg);
  const faces = useMemo<Faces>(() => {
    const group = (key: string | null) => (key === null ? undefined : folding.groups.get(key));
    return new Map(picture.boxes.map((box) => [box.key, face(box, group(box.group), statistic)]));
  }, [picture, statistic, t("graph.scalar")]);
  const [settled, latest] = useSettled(picture, faces);
  const [current, setCurrent] = useState<string | null>(null);
  const placed = settled?.placed;

  const room = (): { width: number; height: number } => {
    const box = svg.current?.getBoundingClientRect();
    return { width: box?.width ?? 800, height: box?.height ?? 500 };
  };
  const fit = (): void => {
    if (placed && !placed.failed) camera.fit(placed.width, placed.height, room());
  };
  const fitted = useRef("");
  const wanted = `${properties.fresh} ${folding.data.nodes.length} ${direction.value}`;
  useLayoutEffect(() => {
    if (!placed || latest !== placed || fitted.current === wanted) return;
    fitted.current = wanted;
    fit();
  }, [placed, latest, wanted]);

  const tall = useRef(0);
  if (placed && !placed.failed) {
    const scale = Math.min(1.15, (room().width - 24) / Math.max(placed.width, 1));
    tall.current = Math.max(tall.current, Math.max(scale, 0.55) * placed.height + 110);
  }
  useEffect(() => {
    const element = svg.current;
    if (!element) return;
    // A panel that opens beside the picture must not hide the box that it is about.
    const watcher = new ResizeObserver(() => {
      const place = properties.chosen === null ? undefined : placed?.boxes[properties.chosen];
      if (place) camera.reveal(place.x, place.y, room());
    });
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [placed, properties.chosen]);

  const focus = (key: string): void => {
    const place = placed?.boxes[key];
    setCurrent(key);
    if (place) camera.reveal(place.x, place.y - (key.startsWith("g:") ? place.height / 2 : 0), room());
    requestAnimationFrame(() => {
      const target = [...(svg.current?.querySelectorAll<SVGGElement>("[data-key]") ?? [])].find(
        (element) => element.dataset["key"] === key,
      );
      target?.focus({ preventScroll: true });
    });
  };

  const keyed = (event: KeyboardEvent): void => {
    const size = room();
    const zoom = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
    const at = (event.target as Element).closest<SVGGElement>("[data-key]")?.dataset["key"] ?? current;
    if (zoom) camera.zoomAt(size.width / 2, size.height / 2, zoom);
    else if (event.key === "0") fit();
    else if (event.key.startsWith("Arrow") && settled) {
      const next = step(settled.picture, settled.placed, at, event.key, direction.value);
      if (next) focus(next);
    } else if (event.key === "Enter" && at && !at.startsWith("g:")) properties.onChoose(at);
    else if ((event.key === " " || event.key === "Enter") && at) toggle(at);
    else return;
    event.preventDefault();
  };

  const toggle = (key: string): void => {
    if (key.startsWith("g:")) properties.onFold(key.slice(2), false);
    else if (key.startsWith("m")) properties.onFold(key.slice(1), true);
  };

  const { x, y, zoom } = camera.view.value;
  const first = current ?? settled?.picture.boxes[0]?.key ?? null;
  const failed = placed?.failed;
  return (
    <div class="graph-canvas" style={{ "--tall": `${Math.round(tall.current)}px` }} data-ready={placed && !failed ? "yes" : "no"}>
      <svg
        ref={svg}
        role="group"
        aria-label={t("graph.picture")}
        onPointerDown={camera.down}
        onPointerMove={camera.move}
        onPointerUp={camera.up}
        onPointerCancel={camera.up}
        onKeyDown={keyed}
      >
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX={6.5} refY={4} markerWidth={9} markerHeight={9} orient="auto" markerUnits="userSpaceOnUse">
            <path class="arrow" d="M0 0L8 4L0 8Z" />
          </marker>
        </defs>
        <g transform={`translate(${x} ${y}) scale(${zoom})`}>
          {settled && !failed && (
            <Drawing {...properties} {...settled} current={first} camera={camera} onFocus={setCurrent} />
          )}
        </g>
      </svg>
      {failed && <p class="graph-note" role="alert">{t("graph.too_much", { reason: failed })}</p>}
      {!settled && <p class="graph-note" role="status">{t("graph.placing")}</p>}
      <div class="graph-tools">
        <button type="button" class="button bare" onClick={() => zoomMiddle(1.25)} aria-label={t("graph.nearer")}>+</button>
        <button type="button" class="button bare" onClick={() => zoomMiddle(0.8)} aria-label={t("graph.farther")}>−</button>
        <button type="button" class="button bare" onClick={fit} aria-label={t("graph.whole")} title={t("graph.whole")}>⤢</button>
      </div>
    </div>
  );

  function zoomMiddle(factor: number): void {
    const { width, height } = room();
    camera.zoomAt(width / 2, height / 2, factor);
  }
}

interface DrawingProperties extends Properties {
  faces: Faces;
  placed: Placed;
  current: string | null;
  camera: { dragged: boolean };
  onFocus: (key: string) => void;
}

function Drawing(properties: DrawingProperties): VNode {
  const { folding, picture, faces, placed, statistic, chosen, current, camera } = properties;
  const coloured = useMemo(() => look(picture.boxes, statistic), [picture, statistic]);
  const dark = theme.value === "dark";
  const groupOf = (key: string | null) => (key === null ? undefined : folding.groups.get(key));
  return (
    <>
      {picture.open.map((group) => {
        const place = placed.boxes[`g:${group.path}`];
        const key = `g:${group.path}`;
        const fold = (): void => properties.onFold(group.path, false);
        return place && <GraphFrame key={key} group={group} place={place} current={current === key} onFold={fold} />;
      })}
      <Lines lines={picture.lines} placed={placed} />
      {picture.boxes.map((box) => {
        const [place, said] = [placed.boxes[box.key], faces.get(box.key)];
        if (!place || !said) return null;
        const choose = (): void => {
          if (camera.dragged) return;
          properties.onFocus(box.key);
          properties.onChoose(box.key);
        };
        return (
          <GraphBox
            key={box.key}
            box={box}
            group={groupOf(box.group)}
            face={said}
            place={place}
            colour={coloured.colour(box.shown, dark)}
            statistic={statistic}
            current={current === box.key}
            chosen={chosen === box.key}
            onChoose={choose}
            onUnfold={() => box.group !== null && properties.onFold(box.group, true)}
          />
        );
      })}
    </>
  );
}

function Lines({ lines, placed }: { lines: readonly Line[]; placed: Placed }): VNode {
  const wide = useMemo(() => widths(lines), [lines]);
  return (
    <g aria-hidden="true">
      {lines.map((line, index) => {
        const width = wide[index] ?? null;
        const kind = width === null ? "line-still" : "line-flow";
        const points = placed.lines[index] ?? [];
        const bold = { "stroke-width": width ?? 1.2, "stroke-opacity": width === null ? 1 : 0.35 + width / 12 };
        return <path key={`${line.from}>${line.to}`} class={`line ${kind}`} d={path(points)} marker-end="url(#arrow)" {...bold} />;
      })}
    </g>
  );
}
