/** Which box an arrow key leads to: up and down along the lines, left and right to the neighbour. */

import type { Picture } from "./folding";
import type { Place, Placed } from "./placing";

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

/** The key of the box that `arrow` leads to from `from`, or null where there is none. */
export function step(picture: Picture, placed: Placed, from: string | null, arrow: string): string | null {
  const here = from === null ? undefined : placed.boxes[from];
  if (from === null || !here) return picture.boxes[0]?.key ?? null;
  const all = [...picture.boxes.map((box) => box.key), ...picture.open.map((group) => `g:${group.path}`)];
  if (arrow === "ArrowDown" || arrow === "ArrowUp") {
    const down = arrow === "ArrowDown";
    const along = picture.lines
      .filter((line) => (down ? line.from : line.to) === from)
      .map((line) => (down ? line.to : line.from));
    if (along.length) return nearest(along, here, placed);
    return nearest(all.filter((key) => beyond(placed.boxes[key], here, down ? 1 : -1, "y")), here, placed);
  }
  const way = arrow === "ArrowRight" ? 1 : -1;
  return nearest(all.filter((key) => key !== from && beyond(placed.boxes[key], here, way, "x")), here, placed);
}

function beyond(place: Place | undefined, here: Place, way: number, axis: "x" | "y"): boolean {
  return place !== undefined && (place[axis] - here[axis]) * way > 1;
}
