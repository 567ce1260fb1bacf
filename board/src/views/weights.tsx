/** A run's parameters as pictures, as they changed. */

import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Weights } from "../api";
import { get } from "../client";
import { Empty, Loaded, Select } from "../components";
import { value as short } from "../format";
import { t } from "../i18n";
import { flatten } from "../parts/grid";
import { shapeText, size } from "../parts/units";
import { ValuePictures } from "../parts/ValuePictures";
import { useResource } from "../resource";
import type { RunViewProps } from "./props";

export default function WeightsView({ run, checkpoint }: RunViewProps): VNode {
  const [parameter, setParameter] = useState<string | null>(null);
  const resource = useResource<Weights>(`${run.id}/${checkpoint}/${parameter}`, (signal) =>
    get<Weights>(`runs/${run.id}/weights`, { checkpoint, parameter }, signal),
  );
  return (
    <section class="weights-view" aria-label={t("weights.name")}>
      <Loaded from={resource} height={420}>
        {(weights) =>
          weights.names.length ? (
            <Shown weights={weights} name={weights.parameter} pixels={run.shape ? size(run.shape) : 0} onChoose={setParameter} />
          ) : (
            <Empty title={t("weights.empty")} />
          )
        }
      </Loaded>
    </section>
  );
}

interface Properties {
  weights: Weights;
  name: string;
  pixels: number;
  onChoose: (name: string) => void;
}

function Shown({ weights, name, pixels, onChoose }: Properties): VNode {
  const flat = useMemo(() => {
    const found = flatten(weights.values);
    const [rows = 1, ...inner] = weights.shape;
    // The values come as rows, of which the last may be left off.
    const whole = Math.min(Math.floor(found.values.length / size(inner)), rows);
    return weights.shape.length > 2 ? { shape: [whole, ...inner], values: found.values.slice(0, whole * size(inner)) } : found;
  }, [weights]);
  return (
    <>
      <div class="toolbar">
        <Select
          label={t("weights.parameter")}
          value={name}
          options={weights.names.map((one) => ({ value: one, text: one }))}
          onChange={onChoose}
        />
        <p class="note">
          {shapeText(weights.shape, t("graph.scalar"))} · {short(weights.low)} … {short(weights.high)}
        </p>
      </div>
      <ValuePictures key={name} flat={flat} name={name} truncated={flat.values.length < size(weights.shape)} size={620} pixels={pixels} filters />
    </>
  );
}
