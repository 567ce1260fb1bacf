/** Moving about in a large picture: dragging, pinching, the wheel, and from the keyboard. */

import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

export interface View {
  x: number;
  y: number;
  zoom: number;
}

/** The size of what the picture is seen through. */
export interface Room {
  width: number;
  height: number;
}

/** A picture's size, and the middle of what one looks at first. */
export interface Whole extends Room {
  first: { x: number; y: number };
}

// What stays free around a box that is brought into sight.
const MARGIN = 24;
const SMALLEST = 0.08;
const LARGEST = 4;

function whole(width: number, height: number, room: Room): number {
  return Math.min(room.width / (width + 24), room.height / (height + 24));
}

/** The smallest zoom at which boxes can be read and touched: a phone's are larger. */
function least(room: Room): number {
  return room.width < 500 ? 0.8 : 0.6;
}

export class Camera {
  readonly view = signal<View>({ x: 0, y: 0, zoom: 1 });
  private fitted: View | null = null;
  private readonly fingers = new Map<number, { x: number; y: number }>();
  /** Whether the pointer moved since it went down: a drag is no click. */
  dragged = false;

  zoomAt(x: number, y: number, factor: number): void {
    const { view } = this;
    const zoom = Math.min(Math.max(view.value.zoom * factor, SMALLEST), LARGEST);
    const part = zoom / view.value.zoom;
    view.value = { zoom, x: x - (x - view.value.x) * part, y: y - (y - view.value.y) * part };
  }

  pan(dx: number, dy: number): void {
    const { view } = this;
    view.value = { ...view.value, x: view.value.x + dx, y: view.value.y + dy };
  }

  /** Shows a picture of this size as a whole if that leaves it readable, else the surroundings of `first`. */
  fit({ width, height, first }: Whole, room: Room): void {
    const zoom = Math.min(Math.max(whole(width, height, room), least(room)), 1.15);
    const start = (all: number, size: number, at: number): number =>
      size <= all ? (all - size) / 2 : Math.min(Math.max(all / 2 - at * zoom, all - size - 12), 12);
    this.view.value = {
      zoom,
      x: start(room.width, width * zoom, first.x),
      y: start(room.height, height * zoom, first.y),
    };
    this.fitted = this.view.value;
  }

  /** Whether the picture is seen as `fit` left it: nobody has moved it since. */
  get isFitted(): boolean {
    return this.view.peek() === this.fitted;
  }

  /** Whether `fit` can show a picture of this size as a whole. */
  fits(width: number, height: number, room: Room): boolean {
    return whole(width, height, room) >= least(room);
  }

  /** Moves no more than needed so that a box, given by its middle and size, is in sight. */
  reveal(box: { x: number; y: number } & Room, room: Room): void {
    const { zoom, x: left, y: top } = this.view.value;
    const shift = (middle: number, size: number, offset: number, all: number): number => {
      const [from, to] = [(middle - size / 2) * zoom + offset - MARGIN, (middle + size / 2) * zoom + offset + MARGIN];
      return from < 0 || to - from > all ? -from : Math.min(all - to, 0);
    };
    const [dx, dy] = [shift(box.x, box.width, left, room.width), shift(box.y, box.height, top, room.height)];
    if (dx || dy) this.pan(dx, dy);
  }

  down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.fingers.size === 1) this.dragged = false;
  };

  move = (event: PointerEvent): void => {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...this.fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    const other = others[0];
    const box = (event.currentTarget as Element).getBoundingClientRect();
    if (other) {
      const [from, to] = [Math.hypot(before.x - other.x, before.y - other.y), Math.hypot(now.x - other.x, now.y - other.y)];
      if (from > 0) this.zoomAt((now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top, to / from);
      this.dragged = true;
    } else if (this.dragged || Math.hypot(now.x - before.x, now.y - before.y) > 4) {
      if (!this.dragged) (event.currentTarget as Element).setPointerCapture(event.pointerId);
      this.dragged = true;
      this.pan(now.x - before.x, now.y - before.y);
    } else return;
    this.fingers.set(event.pointerId, now);
  };

  up = (event: PointerEvent): void => {
    this.fingers.delete(event.pointerId);
  };

  /** Zooms with Ctrl (as a pinch on a trackpad comes) and pans sideways; up and down still scrolls the page. */
  wheel = (event: WheelEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      this.zoomAt(event.clientX - box.left, event.clientY - box.top, Math.exp(-event.deltaY / 240));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(-event.deltaX, 0);
    else return;
    event.preventDefault();
  };
}

/** A camera whose wheel works on `element`; listening actively, for a passive listener may not stop the page's scroll. */
export function useCamera(element: { current: Element | null }): Camera {
  const camera = useMemo(() => new Camera(), []);
  useEffect(() => {
    const at = element.current;
    if (!at) return;
    const wheel = camera.wheel as EventListener;
    at.addEventListener("wheel", wheel, { passive: false });
    return () => at.removeEventListener("wheel", wheel);
  }, [camera]);
  return camera;
}
