/** The graph as a picture that can be moved about in and folded. */

import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { useCamera, type Camera, type Room } from "./camera";
import type { Folding, Picture } from "./folding";
import { face } from "./GraphBox";
import { GraphDrawing } from "./GraphDrawing";
import { direction, useFollowing, useSettled, wholeOf, type Faces, type Settled } from "./graphlayout";
import type { Statistic } from "./graphlook";
import { step } from "./graphsteps";
import type { Placed } from "./placing";

interface Properties {
  /** Changes when the picture is to be seen as a whole again. */
  fresh: number;
  /** The box that the keyboard comes back to when its panel has closed. */
  returning: string | null;
  folding: Folding;
  picture: Picture;
  statistic: Statistic;
  chosen: string | null;
  onChoose: (key: string | null) => void;
  onFold: (path: string, open: boolean) => void;
}

type Svg = { current: SVGSVGElement | null };

function roomOf(svg: Svg): Room {
  const box = svg.current?.getBoundingClientRect();
  return { width: box?.width ?? 800, height: box?.height ?? 500 };
}

/** How tall the picture wants to be; it never shrinks, for what lies below it would jump. */
function useHeight(placed: Placed | undefined, svg: Svg): number {
  const tall = useRef(0);
  if (placed && !placed.failed) {
    const scale = Math.min(1.15, (roomOf(svg).width - 24) / Math.max(placed.width, 1));
    tall.current = Math.max(tall.current, Math.max(scale, 0.6) * placed.height + 60);
  }
  return Math.round(tall.current);
}

/** When the room changes, for a panel that opens takes from it, what nobody has moved fits anew; the chosen box stays in sight. */
function useRevealed(svg: Svg, camera: Camera, placed: Placed | undefined, chosen: string | null): void {
  useEffect(() => {
    if (!svg.current) return;
    const watcher = new ResizeObserver(() => {
      const place = chosen === null ? undefined : placed?.boxes[chosen];
      const [room, all] = [roomOf(svg), placed && !placed.failed ? wholeOf(placed) : null];
      const still = all && camera.isFitted;
      if (still) camera.fit(all, room);
      // What is seen as a whole needs no moving, which would count as moved by hand.
      if (place && !(still && camera.fits(all.width, all.height, room))) camera.reveal(place, room);
    });
    watcher.observe(svg.current);
    return () => watcher.disconnect();
  }, [placed, chosen]);
}

/** Which box the keyboard is at, and how it gets to another one. */
function useFocus(svg: Svg, camera: Camera, placed: Placed | undefined): [string | null, (key: string) => void, (key: string) => void] {
  const [current, setCurrent] = useState<string | null>(null);
  const focus = (key: string): void => {
    const place = placed?.boxes[key];
    setCurrent(key);
    if (place) camera.reveal(place, roomOf(svg));
    requestAnimationFrame(() => {
      const all = [...(svg.current?.querySelectorAll<SVGGElement>("[data-key]") ?? [])];
      all.find((element) => element.dataset["key"] === key)?.focus({ preventScroll: true });
    });
  };
  return [current, focus, setCurrent];
}

function facesOf({ picture, folding, statistic }: Properties): Faces {
  const group = (key: string | null) => (key === null ? undefined : folding.groups.get(key));
  return new Map(picture.boxes.map((box) => [box.key, face(box, group(box.group), statistic)]));
}

export function GraphCanvas(properties: Properties): VNode {
  const { folding, picture, statistic, chosen, returning } = properties;
  const svg = useRef<SVGSVGElement>(null);
  const camera = useCamera(svg);
  const faces = useMemo(() => facesOf(properties), [picture, statistic, t("graph.scalar")]);
  const [settled, newest] = useSettled(picture, faces);
  const placed = settled?.placed;
  const [current, focus, setCurrent] = useFocus(svg, camera, placed);
  const wanted = `${properties.fresh} ${folding.data.nodes.length} ${direction.value}`;
  const hold = useFollowing(camera, placed ?? null, newest, wanted, () => roomOf(svg));
  const tall = useHeight(placed, svg);
  useRevealed(svg, camera, placed, chosen);
  useEffect(() => {
    if (returning && chosen === null) focus(returning);
  }, [returning, chosen]);
  // What was folded from the keyboard is another element afterwards: the focus goes on to it.
  const byKey = useRef(false);
  useEffect(() => {
    if (newest && byKey.current && current !== null) focus(current);
    if (newest) byKey.current = false;
  }, [placed, newest]);

  const fold = (path: string, open: boolean): void => {
    hold(path);
    setCurrent(open ? `g:${path}` : `m${path}`);
    properties.onFold(path, open);
  };
  const choose = (key: string): void => {
    if (camera.dragged) return;
    setCurrent(key);
    properties.onChoose(key);
  };
  const fit = (): void => {
    if (placed) camera.fit(wholeOf(placed), roomOf(svg));
  };
  const zoom = (factor: number): void => {
    const { width, height } = roomOf(svg);
    camera.zoomAt(width / 2, height / 2, factor);
  };
  const keyed = (event: KeyboardEvent): void => {
    const at = (event.target as Element).closest<SVGGElement>("[data-key]")?.dataset["key"] ?? current;
    const act = action(event.key, at, settled, { focus, fit, zoom, fold, choose: properties.onChoose });
    if (!act) return;
    event.preventDefault();
    byKey.current = event.key === " " || event.key === "Enter";
    act();
  };

  const known = settled?.picture.boxes.some(({ key }) => key === current) || (current !== null && placed?.boxes[current] !== undefined);
  const first = known ? current : (settled?.picture.boxes[0]?.key ?? null);
  const drawn = settled && !placed?.failed;
  const { x, y, zoom: scale } = camera.view.value;
  return (
    <div class="graph-canvas" style={{ "--tall": `${tall}px` }} data-ready={drawn && newest ? "yes" : "no"}>
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
        <Arrow />
        <g transform={`translate(${x} ${y}) scale(${scale})`}>
          {drawn && <GraphDrawing {...{ folding, settled, statistic, chosen }} current={first} onChoose={choose} onFold={fold} />}
        </g>
      </svg>
      {placed?.failed && <p class="graph-note" role="alert">{t("graph.too_much", { reason: placed.failed })}</p>}
      {!settled && <p class="graph-note" role="status">{t("graph.placing")}</p>}
      <Tools zoom={zoom} fit={fit} />
    </div>
  );
}

interface Acts {
  focus: (key: string) => void;
  fit: () => void;
  zoom: (factor: number) => void;
  fold: (path: string, open: boolean) => void;
  choose: (key: string) => void;
}

/** What a key does at the box `at`, or null for a key that does nothing. */
function action(key: string, at: string | null, settled: Settled | null, acts: Acts): (() => void) | null {
  if (key === "+" || key === "=") return () => acts.zoom(1.25);
  if (key === "-") return () => acts.zoom(0.8);
  if (key === "0") return acts.fit;
  if (key.startsWith("Arrow") && settled) {
    const next = step(settled.picture, settled.placed, at, key, direction.value);
    return () => next && acts.focus(next);
  }
  if (at === null || (key !== "Enter" && key !== " ")) return null;
  if (at.startsWith("g:")) return () => acts.fold(at.slice(2), false);
  if (key === "Enter") return () => acts.choose(at);
  return at.startsWith("m") ? () => acts.fold(at.slice(1), true) : null;
}

function Arrow(): VNode {
  const size = { markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse" } as const;
  return (
    <defs>
      <marker id="arrow" viewBox="0 0 8 8" refX={6.5} refY={4} orient="auto" {...size}>
        <path class="arrow" d="M0 0L8 4L0 8Z" />
      </marker>
    </defs>
  );
}

function Tools({ zoom, fit }: { zoom: (factor: number) => void; fit: () => void }): VNode {
  const tools: [string, string, () => void][] = [
    ["+", t("graph.nearer"), () => zoom(1.25)],
    ["−", t("graph.farther"), () => zoom(0.8)],
    ["⤢", t("graph.whole"), fit],
  ];
  return (
    <div class="graph-tools">
      {tools.map(([sign, name, act]) => (
        <button key={sign} type="button" class="button bare" title={name} aria-label={name} onClick={act}>
          {sign}
        </button>
      ))}
    </div>
  );
}
