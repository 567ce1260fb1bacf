/** Which box an arrow key leads to: along the lines with the flow or against it, else to the neighbour on that side. */

import type { Picture } from "./folding";
import type { Direction, Place, Placed } from "./placing";

function nearest(candidates: readonly string[], from: Place, placed: Placed): string | null {
  let best: string | null = null;
  let least = Infinity;
  for (const key of candidates) {
    const place = placed.boxes[key];
    if (!place) continue;
    const far = Math.abs(place.x - from.x) + Math.abs(place.y - from.y);
    if (far < least) [best, least] = [key, far];
  }
  return best;
}

const WAYS: Record<string, ["x" | "y", 1 | -1]> = {
  ArrowRight: ["x", 1],
  ArrowLeft: ["x", -1],
  ArrowDown: ["y", 1],
  ArrowUp: ["y", -1],
};

/** The key of the box that `arrow` leads to from `from`, or null where there is none. */
export function step(picture: Picture, placed: Placed, from: string | null, arrow: string, flow: Direction): string | null {
  const here = from === null ? undefined : placed.boxes[from];
  const way = WAYS[arrow];
  if (from === null || !here || !way) return picture.boxes[0]?.key ?? null;
  const [axis, sign] = way;
  const all = [...picture.boxes.map((box) => box.key), ...picture.open.map((group) => `g:${group.path}`)];
  if (axis === (flow === "right" ? "x" : "y")) {
    const along = picture.lines
      .filter((line) => (sign > 0 ? line.from : line.to) === from)
      .map((line) => (sign > 0 ? line.to : line.from));
    if (along.length) return nearest(along, here, placed);
  }
  return nearest(all.filter((key) => key !== from && beyond(placed.boxes[key], here, sign, axis)), here, placed);
}

function beyond(place: Place | undefined, here: Place, way: number, axis: "x" | "y"): boolean {
  if (!place) return false;
  const along = (place[axis] - here[axis]) * way;
  const off = axis === "x" ? Math.abs(place.y - here.y) : Math.abs(place.x - here.x);
  // What lies more to the side than ahead is no neighbour in this direction.
  return along > 1 && off <= 2 * along;
}
