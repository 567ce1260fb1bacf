/** How numbers are spread, as bars. */

import type { VNode } from "preact";
import type { Histogram as Data } from "../api";
import { value as short } from "../format";

/** `data` as bars over its range, with the range in words below. */
export function Histogram({ data, label }: { data: Data; label: string }): VNode {
  const most = Math.max(...data.counts, 1);
  const width = 100 / Math.max(data.counts.length, 1);
  const { low, high } = data;
  const zero = low < 0 && high > 0 ? (-low / (high - low)) * 100 : null;
  return (
    <figure class="histogram">
      <svg viewBox="0 0 100 36" preserveAspectRatio="none" role="img" aria-label={`${label}: ${short(low)} – ${short(high)}`}>
        {data.counts.map((count, index) => {
          const height = (34 * count) / most;
          const bar = { x: index * width, y: 36 - height, width: width * 0.86, height };
          return <rect key={index} class="histogram-bar" {...bar} />;
        })}
        {zero !== null && <line class="histogram-zero" x1={zero} x2={zero} y1={0} y2={36} />}
      </svg>
      <figcaption>
        <span>{short(low)}</span>
        <span>{short(high)}</span>
      </figcaption>
    </figure>
  );
}
