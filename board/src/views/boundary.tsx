/** What the network answers over the plane of its inputs (or along a line), as it learned. */

import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Boundary, PlaneBoundary, RunDetail } from "../api";
import { get } from "../client";
import { Loaded, Segmented } from "../components";
import { t } from "../i18n";
import { CurvePicture } from "../parts/CurvePicture";
import { PlanePicture } from "../parts/PlanePicture";
import { css, classColour } from "../parts/colour";
import { theme } from "../theme";
import { useResource } from "../resource";
import type { RunViewProps } from "./props";

export default function BoundaryView({ run, checkpoint }: RunViewProps): VNode {
  const resource = useResource<Boundary>(`${run.id}/${checkpoint}`, (signal) =>
    get<Boundary>(`runs/${run.id}/boundary`, { checkpoint }, signal),
  );
  return (
    <section class="boundary-view" aria-label={t("boundary.name")}>
      <Loaded from={resource} height={420}>
        {(boundary) =>
          "curve" in boundary ? (
            <CurvePicture data={boundary} />
          ) : (
            <Plane boundary={boundary} names={run.classes} />
          )
        }
      </Loaded>
    </section>
  );
}

type Shown = "train" | "test" | "none";

function Plane({ boundary, names }: { boundary: PlaneBoundary; names: RunDetail["classes"] }): VNode {
  const [shown, show] = useState<Shown>("train");
  const data = useMemo(() => {
    const points = { train: boundary.points, test: boundary.test_points, none: [] }[shown];
    return { ...boundary, points };
  }, [boundary, shown]);
  return (
    <div class="boundary">
      <PlanePicture data={data} label={t("boundary.label")} axes />
      <div class="stack">
        <Classes boundary={boundary} names={names} />
        <Segmented
          label={t("boundary.points")}
          value={shown}
          options={(["train", "test", "none"] as const).map((one) => ({ value: one, text: t(`boundary.${one}`) }))}
          onChange={show}
        />
        <p class="note">{t("boundary.hint")}</p>
      </div>
    </div>
  );
}

function Classes({ boundary, names }: { boundary: PlaneBoundary; names: RunDetail["classes"] }): VNode {
  const found = useMemo(
    () => [...new Set([...boundary.classes, ...boundary.points.map(([, , label]) => label)])].sort((a, b) => a - b),
    [boundary],
  );
  const dark = theme.value === "dark";
  return (
    <ul class="class-key">
      {found.map((label) => (
        <li key={label}>
          <span class="class-mark" style={{ background: css(classColour(label, dark)) }} />
          {String(names?.[label] ?? label)}
        </li>
      ))}
    </ul>
  );
}
