/** The network's graph with what flows through it, at any checkpoint of the run. */

import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Graph, RunDetail } from "../api";
import { get } from "../client";
import { Button, Empty, Loaded, Select, Switch } from "../components";
import { count } from "../format";
import { t } from "../i18n";
import { theme } from "../theme";
import { Folding } from "../parts/folding";
import { GraphCanvas } from "../parts/GraphCanvas";
import { operations } from "../parts/GraphBox";
import { look, STATISTICS, type Statistic } from "../parts/graphlook";
import { Legend } from "../parts/Heat";
import { useResource } from "../resource";
import { GraphPanel } from "./graph-panel";
import type { RunViewProps } from "./props";

// More boxes than this at once are hard to read, and slow to lay out.
const MOST_UNFOLDED = 250;

export default function GraphView({ run, checkpoint }: RunViewProps): VNode {
  const resource = useResource<Graph>(`${run.id}/${checkpoint}`, (signal) =>
    get<Graph>(`runs/${run.id}/graph`, { checkpoint }, signal),
  );
  return (
    <section class="graph-view" aria-label={t("graph.name")}>
      <Loaded from={resource} height={420}>
        {(graph) =>
          graph.nodes.length ? <Unfolding run={run} graph={graph} checkpoint={checkpoint} /> : <Empty title={t("graph.empty")} />
        }
      </Loaded>
    </section>
  );
}

/** The graph without its parameters and buffers, for who wants to see the operations alone. */
function withoutParameters(graph: Graph): Graph {
  const kept = graph.nodes.filter((node) => node.kind !== "parameter" && node.kind !== "buffer");
  const ids = new Set(kept.map((node) => node.id));
  return { ...graph, nodes: kept, edges: graph.edges.filter(([from, to]) => ids.has(from) && ids.has(to)) };
}

interface UnfoldingProperties {
  run: RunDetail;
  graph: Graph;
  checkpoint: number | null;
}

function Unfolding({ run, graph, checkpoint }: UnfoldingProperties): VNode {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [statistic, setStatistic] = useState<Statistic>("mean");
  const [parameters, setParameters] = useState(true);
  const [chosen, setChosen] = useState<string | null>(null);
  const [fresh, setFresh] = useState(0);
  const [returning, setReturning] = useState<string | null>(null);
  const folding = useMemo(() => new Folding(parameters ? graph : withoutParameters(graph)), [graph, parameters]);
  const picture = useMemo(() => folding.picture(open), [folding, open]);
  const box = picture.boxes.find(({ key }) => key === chosen);
  const total = operations(graph.nodes);

  const fold = (path: string, unfold: boolean): void => {
    const next = new Set(open);
    if (unfold) next.add(path);
    else next.delete(path);
    setOpen(next);
    if (unfold && chosen === `m${path}`) setChosen(null);
  };

  const openAll = (paths: ReadonlySet<string>): void => {
    setOpen(paths);
    setFresh(fresh + 1);
  };

  return (
    <div class="graph" data-operations={total} data-nodes={graph.nodes.length} data-checkpoint={checkpoint}>
      <div class="toolbar">
        <Select
          label={t("graph.colour")}
          value={statistic}
          options={STATISTICS.map((name) => ({ value: name, text: t(`graph.statistic.${name}`) }))}
          onChange={setStatistic}
        />
        <Key picture={picture} statistic={statistic} />
        <span class="toolbar-space" />
        <Switch label={t("graph.parameters")} on={parameters} onChange={setParameters} />
        <Button onClick={() => openAll(folding.opened(MOST_UNFOLDED))}>{t("graph.unfold_all")}</Button>
        <Button onClick={() => openAll(new Set())}>{t("graph.fold_all")}</Button>
      </div>
      <p class="graph-count" role="status">
        {t("graph.count", { operations: count(total), nodes: count(graph.nodes.length), boxes: count(picture.boxes.length) })}
      </p>
      <div class={`graph-body ${box ? "with-panel" : ""}`}>
        <GraphCanvas {...{ fresh, returning, folding, picture, statistic, chosen }} onChoose={setChosen} onFold={fold} />
        {box && (
          <GraphPanel
            key={box.key}
            run={run}
            box={box}
            group={box.group === null ? undefined : folding.groups.get(box.group)}
            checkpoint={checkpoint}
            onUnfold={() => box.group !== null && fold(box.group, true)}
            onClose={() => {
              setChosen(null);
              setReturning(box.key);
            }}
          />
        )}
      </div>
      <p class="note">{t("graph.keys")}</p>
    </div>
  );
}

/** What the colours mean. */
function Key({ picture, statistic }: { picture: ReturnType<Folding["picture"]>; statistic: Statistic }): VNode {
  const { low, high, scale } = useMemo(() => look(picture.boxes, statistic), [picture, statistic, theme.value]);
  if (statistic !== "gradient") return <Legend low={low} high={high} scale={scale} />;
  return <Legend low={low} high={high} scale={scale} power />;
}
