/** A sheet to draw on with mouse, finger or keys. */

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { SIDE, type Paper } from "./handwriting";

interface Properties {
  paper: Paper;
  /** Changes whenever the paper changed. */
  drawn: number;
  onDraw: () => void;
}

const STRIDE = SIDE / 28;
const MOVES: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function show(canvas: HTMLCanvasElement, paper: Paper, cursor: { x: number; y: number } | null): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(SIDE, SIDE);
  paper.ink.forEach((value, at) => image.data.set([Math.round(255 * value), Math.round(255 * value), Math.round(255 * value), 255], at * 4));
  context.putImageData(image, 0, 0);
  if (!cursor) return;
  context.strokeStyle = "#3fb8aa";
  context.lineWidth = 1.2;
  context.beginPath();
  context.arc(cursor.x, cursor.y, SIDE / 20, 0, 2 * Math.PI);
  context.stroke();
}

export function Sheet({ paper, drawn, onDraw }: Properties): VNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<{ x: number; y: number } | null>(null);
  const [cursor, setCursor] = useState({ x: SIDE / 2, y: SIDE / 2 });
  const [byKeys, setByKeys] = useState(false);
  useEffect(() => {
    if (canvas.current) show(canvas.current, paper, byKeys ? cursor : null);
  }, [drawn, cursor, byKeys]);

  const place = (event: PointerEvent): { x: number; y: number } => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE };
  };
  const down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    setByKeys(false);
    last.current = place(event);
    paper.dab(last.current.x, last.current.y);
    onDraw();
  };
  const move = (event: PointerEvent): void => {
    if (!last.current) return;
    const to = place(event);
    paper.stroke(last.current.x, last.current.y, to.x, to.y);
    last.current = to;
    onDraw();
  };
  const up = (): void => {
    last.current = null;
  };
  const keyed = (event: KeyboardEvent): void => {
    const way = MOVES[event.key];
    if (way) {
      const within = (value: number): number => Math.min(Math.max(value, STRIDE), SIDE - STRIDE);
      const to = { x: within(cursor.x + way[0] * STRIDE), y: within(cursor.y + way[1] * STRIDE) };
      if (event.shiftKey) {
        paper.stroke(cursor.x, cursor.y, to.x, to.y);
        onDraw();
      }
      setCursor(to);
    } else if (event.key === " ") {
      paper.dab(cursor.x, cursor.y);
      onDraw();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      paper.clear();
      onDraw();
    } else return;
    event.preventDefault();
    setByKeys(true);
  };
  return (
    <canvas
      ref={canvas}
      class="sheet"
      width={SIDE}
      height={SIDE}
      tabIndex={0}
      role="application"
      aria-label={t("draw.sheet")}
      aria-description={t("draw.keys")}
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={up}
      onKeyDown={keyed}
      onFocus={(event) => setByKeys(event.currentTarget.matches(":focus-visible"))}
      onBlur={() => setByKeys(false)}
    />
  );
}
