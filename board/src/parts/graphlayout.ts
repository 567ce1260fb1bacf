/** Where the boxes of the graph's picture go, and what of it is in sight. */

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { asset } from "../assets";
import type { Camera, Room, Whole } from "./camera";
import type { Picture } from "./folding";
import type { face } from "./GraphBox";
import { Placer, type Direction, type Placed, type Question } from "./placing";

export type Faces = Map<string, ReturnType<typeof face>>;

/** A picture with all that is needed to draw it. */
export interface Settled {
  picture: Picture;
  faces: Faces;
  placed: Placed;
}

const wide = matchMedia("(min-width: 821px)");

/** Wide pages have room to the right, narrow ones below. */
export const direction = signal<Direction>(wide.matches ? "right" : "down");
wide.addEventListener("change", () => (direction.value = wide.matches ? "right" : "down"));

function question(picture: Picture, faces: Faces): Omit<Question, "ticket"> {
  const frames = new Set(picture.open.map((group) => group.path));
  const name = (group: string): string => (frames.has(group) ? `g:${group}` : "");
  return {
    direction: direction.value,
    boxes: picture.boxes.map(({ key, parent }) => {
      const { width = 96, height = 40 } = faces.get(key) ?? {};
      return { key, width, height, parent: name(parent) };
    }),
    groups: picture.open.map(({ path, parent }) => ({ path: `g:${path}`, parent: name(parent) })),
    lines: picture.lines.map(({ from, to }) => ({ from, to })),
  };
}

/** The places of a picture, asked again only when what is to be placed has changed; null while they are worked out. */
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

/** The last picture that has its places, for the former stays until a new one is laid out; and whether it is the newest. */
export function useSettled(picture: Picture, faces: Faces): [Settled | null, boolean] {
  const asked = useMemo(() => question(picture, faces), [picture, faces, direction.value]);
  const placed = usePlaces(asked);
  const settled = useRef<Settled | null>(null);
  if (placed && settled.current?.placed !== placed) settled.current = { picture, faces, placed };
  else if (placed) Object.assign(settled.current ?? {}, { picture, faces });
  return [settled.current, placed !== null];
}

interface Anchor {
  path: string;
  x: number;
  y: number;
}

/** The size of a picture, and the box in which the values set out. */
export function wholeOf(placed: Placed): Whole {
  const along = direction.peek() === "right" ? "x" : "y";
  const boxes = Object.entries(placed.boxes).filter(([key]) => !key.startsWith("g:"));
  const [first = { x: 0, y: 0 }] = boxes.map(([, box]) => box).sort((a, b) => a[along] - b[along]);
  return { width: placed.width, height: placed.height, first };
}

/** Where the upper left corner of a group is, folded or open. */
function corner(placed: Placed, path: string): { x: number; y: number } | null {
  const place = placed.boxes[`g:${path}`] ?? placed.boxes[`m${path}`];
  return place ? { x: place.x - place.width / 2, y: place.y - place.height / 2 } : null;
}

/**
 * Moves the camera as pictures change. A `wanted` that is new shows the whole; folding a group that `hold` was called for
 * shows the whole too where that is readable, else the group stays where it was on the screen.
 */
export function useFollowing(camera: Camera, placed: Placed | null, newest: boolean, wanted: string, room: () => Room): (path: string) => void {
  const anchor = useRef<Anchor | null>(null);
  const shown = useRef("");
  useLayoutEffect(() => {
    if (!placed || !newest || placed.failed) return;
    const { width, height } = placed;
    const held = anchor.current;
    const at = held && corner(placed, held.path);
    anchor.current = null;
    if (shown.current !== wanted || (held && camera.fits(width, height, room()))) camera.fit(wholeOf(placed), room());
    else if (held && at) {
      const { x, y, zoom } = camera.view.peek();
      camera.pan(held.x - (at.x * zoom + x), held.y - (at.y * zoom + y));
    }
    shown.current = wanted;
  }, [placed, newest, wanted]);
  return (path) => {
    const at = placed && corner(placed, path);
    const { x, y, zoom } = camera.view.peek();
    anchor.current = at ? { path, x: at.x * zoom + x, y: at.y * zoom + y } : null;
  };
}
