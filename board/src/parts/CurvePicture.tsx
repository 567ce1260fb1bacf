/** The curve of a network with one input, with the data's points. */

import type { VNode } from "preact";
import type { CurveBoundary } from "../api";
import { value as short } from "../format";
import { t } from "../i18n";
import { range } from "./grid";
import { useWidth } from "./useWidth";

const LEFT = 48;
const BOTTOM = 30;
const TOP = 12;
const RIGHT = 14;

/** Round places for about `wanted` marks between two numbers. */
export function ticks(low: number, high: number, wanted = 5): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const gap = ([1, 2, 5, 10].find((factor) => factor * ten >= rough) ?? 10) * ten;
  const first = Math.ceil(low / gap);
  const last = Math.floor(high / gap + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * gap).toPrecision(12)));
}

export function CurvePicture({ data }: { data: CurveBoundary }): VNode {
  const [frame, width] = useWidth<SVGSVGElement>(640);
  const height = Math.round(Math.min(Math.max(width * 0.6, 220), 420));
  const [left, right] = range([...data.x, ...data.points.map(([x]) => x)]);
  const [lowest, highest] = range([...data.curve, ...data.points.map(([, y]) => y)]);
  const spare = (highest - lowest || 1) * 0.06;
  const [low, high] = [lowest - spare, highest + spare];
  const x = (value: number): number => LEFT + ((value - left) / (right - left || 1)) * (width - LEFT - RIGHT);
  const y = (value: number): number => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
  const line = data.curve
    .map((value, index) => (Number.isFinite(value) ? `${x(data.x[index] ?? 0).toFixed(1)},${y(value).toFixed(1)}` : ""))
    .filter(Boolean);
  return (
    <figure class="curve-picture">
      <svg ref={frame} height={height} role="img" aria-label={t("boundary.curve")}>
        {ticks(low, high).map((tick) => (
          <g key={`y${tick}`}>
            <line class="grid-line" x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text class="axis" x={LEFT - 8} y={y(tick) + 4} text-anchor="end">
              {short(tick)}
            </text>
          </g>
        ))}
        {ticks(left, right, 6).map((tick) => (
          <text key={`x${tick}`} class="axis" x={x(tick)} y={height - 8} text-anchor="middle">
            {short(tick)}
          </text>
        ))}
        {data.points.map(([px, py], index) => (
          <circle key={index} class="curve-point" cx={x(px)} cy={y(py)} r={2.6} />
        ))}
        <polyline class="curve-line" points={line.join(" ")} />
      </svg>
      <figcaption class="note">{t("boundary.curve_hint")}</figcaption>
    </figure>
  );
}
