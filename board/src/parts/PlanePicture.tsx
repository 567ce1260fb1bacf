/** The plane of two inputs: each place in the colour of the class that the network gives it, with the data's points. */

import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { PlaneBoundary } from "../api";
import { value as short } from "../format";
import { theme } from "../theme";
import { blend, classColour, css, valueColour, type Rgb } from "./colour";

interface Properties {
  data: PlaneBoundary;
  label: string;
  axes?: boolean;
  /** What one unit answers (0 to 1, row by row upwards), shown instead of the classes. */
  response?: number[] | null;
}

const GROUND: Record<string, Rgb> = { light: [255, 255, 255], dark: [24, 27, 32] };

/** The colours of the plane; the surer the network, the fuller. Row 0 of the picture is the largest y. */
function plane(data: PlaneBoundary, dark: boolean): ImageData {
  const { size } = data;
  const image = new ImageData(size, size);
  const ground = GROUND[dark ? "dark" : "light"] ?? [255, 255, 255];
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const from = (size - 1 - row) * size + column;
      const sure = data.confidence[from] ?? 0;
      const share = 0.12 + 0.5 * Math.min(Math.max(sure, 0), 1) ** 1.5;
      const colour = blend([ground, classColour(data.classes[from] ?? 0, dark)], share);
      image.data.set([...colour, 255], (row * size + column) * 4);
    }
  }
  return image;
}

function answers(response: number[], size: number, dark: boolean): ImageData {
  const image = new ImageData(size, size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const value = response[(size - 1 - row) * size + column] ?? NaN;
      image.data.set([...valueColour(2 * value - 1, -1, 1, "signed", dark), 255], (row * size + column) * 4);
    }
  }
  return image;
}

function draw(canvas: HTMLCanvasElement, data: PlaneBoundary, response: number[] | null, dark: boolean): void {
  const context = canvas.getContext("2d");
  const small = document.createElement("canvas");
  small.width = small.height = data.size;
  small.getContext("2d")?.putImageData(response ? answers(response, data.size, dark) : plane(data, dark), 0, 0);
  const box = canvas.getBoundingClientRect();
  const side = Math.max(Math.round(box.width * devicePixelRatio), 2);
  if (canvas.width !== side) canvas.width = canvas.height = side;
  if (!context) return;
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, side, side);
  const radius = Math.max(2.6 * devicePixelRatio, side / 150);
  const [[left, right], [bottom, top]] = [data.x, data.y];
  context.lineWidth = radius / 3;
  context.strokeStyle = dark ? "#14171c" : "#ffffff";
  for (const [x, y, label] of data.points) {
    context.beginPath();
    context.arc(((x - left) / (right - left)) * side, ((top - y) / (top - bottom)) * side, radius, 0, 2 * Math.PI);
    context.fillStyle = css(classColour(label, dark));
    context.fill();
    context.stroke();
  }
}

export function PlanePicture({ data, label, axes = false, response = null }: Properties): VNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = theme.value === "dark";
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const paint = (): void => draw(element, data, response, dark);
    paint();
    const watcher = new ResizeObserver(paint);
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [data, response, dark]);
  return (
    <figure class="plane">
      <canvas ref={canvas} class="plane-canvas" role="img" aria-label={label} />
      {axes && (
        <figcaption class="plane-axes">
          <span>
            x₁ {short(data.x[0])} … {short(data.x[1])}
          </span>
          <span>
            x₂ {short(data.y[0])} … {short(data.y[1])}
          </span>
        </figcaption>
      )}
    </figure>
  );
}
