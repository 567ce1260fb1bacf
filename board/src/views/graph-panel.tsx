/** What is known of one node of the graph: beside the picture, or as a sheet from below on a phone. */

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { GradientStats, GraphNode, NodeStats, NodeValues, RunDetail } from "../api";
import { get } from "../client";
import { Button, Loaded, Segmented } from "../components";
import { count, percent, value as short } from "../format";
import { t } from "../i18n";
import type { Box, Group } from "../parts/folding";
import { Formula } from "../parts/Formula";
import { groupTitle, operations } from "../parts/GraphBox";
import { flatten } from "../parts/grid";
import { Histogram } from "../parts/Histogram";
import { bytes, shapeText, size } from "../parts/units";
import { ValuePictures } from "../parts/ValuePictures";
import { useResource } from "../resource";

interface Properties {
  run: RunDetail;
  box: Box;
  group: Group | undefined;
  checkpoint: number | null;
  onUnfold: () => void;
  onClose: () => void;
}

type Part = "value" | "gradient";

export function GraphPanel({ run, box, group, checkpoint, onUnfold, onClose }: Properties): VNode {
  const node = box.shown;
  const title = group ? groupTitle(group) : node.name;
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.focus({ preventScroll: true }), []);
  const keyed = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onClose();
  };
  return (
    <aside class="node-panel" ref={panel} tabIndex={-1} aria-label={title} onKeyDown={keyed} data-panel={node.id}>
      <header class="node-panel-head">
        <h3>{title}</h3>
        <Button kind="quiet" icon="close" label={t("graph.close")} onClick={onClose} />
      </header>
      {group ? <AboutGroup group={group} onUnfold={onUnfold} /> : <AboutNode node={node} />}
      {group && <h4>{t("graph.result", { name: node.name })}</h4>}
      <Course run={run} node={node} checkpoint={checkpoint} />
    </aside>
  );
}

function Facts({ children }: { children: ComponentChildren }): VNode {
  return <dl class="node-facts">{children}</dl>;
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): VNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function AboutGroup({ group, onUnfold }: { group: Group; onUnfold: () => void }): VNode {
  const sum = (of: (node: GraphNode) => number): number => group.members.reduce((all, node) => all + of(node), 0);
  const parameters = sum((node) => (node.kind === "parameter" ? node.parameters : 0));
  return (
    <>
      <Facts>
        {group.kind && <Fact name={t("graph.module")}>{group.kind}</Fact>}
        <Fact name={t("graph.operations")}>{count(operations(group.members))}</Fact>
        <Fact name={t("graph.parameter_count")}>{count(parameters || group.parameters)}</Fact>
        <Fact name={t("graph.multiplications")}>{count(sum((node) => node.operations))}</Fact>
        <Fact name={t("graph.memory")}>{bytes(sum((node) => node.bytes))}</Fact>
      </Facts>
      <Button kind="primary" icon="plus" onClick={onUnfold}>
        {t("graph.unfold")}
      </Button>
    </>
  );
}

function AboutNode({ node }: { node: GraphNode }): VNode {
  return (
    <>
      {node.formula && (
        <div class="formula-block">
          <Formula source={node.formula} block />
        </div>
      )}
      <Facts>
        <Fact name={t("graph.kind")}>
          {t(`graph.kind.${node.kind}`)}
          {node.op && !node.name.includes(node.op) && <code> {node.op}</code>}
        </Fact>
        <Fact name={t("graph.shape")}>
          {shapeText(node.shape, t("graph.scalar"))} <span class="muted">{node.dtype}</span>
        </Fact>
        {node.module && <Fact name={t("graph.module")}>{node.module}</Fact>}
        {node.parameters > 0 && <Fact name={t("graph.parameter_count")}>{count(node.parameters)}</Fact>}
        {node.operations > 0 && <Fact name={t("graph.multiplications")}>{count(node.operations)}</Fact>}
        <Fact name={t("graph.memory")}>{bytes(node.bytes)}</Fact>
        {node.where && <Fact name={t("graph.where")}>{node.where}</Fact>}
      </Facts>
    </>
  );
}

/** The numbers of the value or of the gradient: in short, spread out, and one by one. */
function Course({ run, node, checkpoint }: { run: RunDetail; node: GraphNode; checkpoint: number | null }): VNode {
  const [part, setPart] = useState<Part>("value");
  const stats = part === "value" ? node.stats : node.gradient;
  return (
    <>
      <Segmented
        label={t("graph.part")}
        value={part}
        options={[
          { value: "value", text: t("graph.value") },
          { value: "gradient", text: t("graph.gradient"), disabled: !node.gradient },
        ]}
        onChange={setPart}
      />
      {!node.gradient && <p class="note">{t("graph.no_gradient")}</p>}
      {stats && size(node.shape) > 1 && <Statistics stats={stats} part={part} />}
      <Numbers {...{ run, node, checkpoint, part }} />
    </>
  );
}

function Statistics({ stats, part }: { stats: NodeStats | GradientStats; part: Part }): VNode {
  return (
    <>
      <Facts>
        <Fact name={t("graph.statistic.mean")}>
          <span data-panel-mean={String(stats.mean)}>{short(stats.mean)}</span>
        </Fact>
        <Fact name={t("graph.statistic.std")}>{short(stats.std)}</Fact>
        {"min" in stats && (
          <Fact name={t("graph.range")}>
            {short(stats.min)} … {short(stats.max)}
          </Fact>
        )}
        {"norm" in stats && <Fact name={t("graph.norm")}>{short(stats.norm)}</Fact>}
        {"dead_share" in stats && stats.dead_share !== null && (
          <Fact name={t("graph.statistic.dead_share")}>{percent(stats.dead_share)}</Fact>
        )}
      </Facts>
      {stats.histogram && <Histogram data={stats.histogram} label={t(`graph.${part}`)} />}
    </>
  );
}

interface NumbersProperties {
  run: RunDetail;
  node: GraphNode;
  checkpoint: number | null;
  part: Part;
}

function Numbers({ run, node, checkpoint, part }: NumbersProperties): VNode {
  const resource = useResource<NodeValues>(`${run.id}/${node.id}/${checkpoint}/${part}`, (signal) =>
    get<NodeValues>(`runs/${run.id}/nodes/${node.id}`, { checkpoint, part }, signal),
  );
  return (
    <Loaded from={resource} height={160}>
      {(found) => <Shown found={found} node={node} pixels={run.shape ? size(run.shape) : 0} />}
    </Loaded>
  );
}

function Shown({ found, node, pixels }: { found: NodeValues; node: GraphNode; pixels: number }): VNode {
  const flat = useMemo(() => flatten(found.values), [found]);
  return <ValuePictures flat={flat} name={node.name} truncated={found.truncated} size={300} pixels={pixels} filters={node.kind === "parameter"} />;
}
