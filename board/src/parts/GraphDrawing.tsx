/** What is drawn of the graph: frames of open groups, lines, boxes. */

import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { theme } from "../theme";
import type { Box, Folding, Line } from "./folding";
import { GraphBox, GraphFrame } from "./GraphBox";
import type { Settled } from "./graphlayout";
import { look, path, widths, type Statistic } from "./graphlook";
import type { Placed } from "./placing";

interface Properties {
  folding: Folding;
  settled: Settled;
  statistic: Statistic;
  chosen: string | null;
  current: string | null;
  onChoose: (key: string) => void;
  onFold: (path: string, open: boolean) => void;
}

export function GraphDrawing(properties: Properties): VNode {
  const { settled, statistic, current } = properties;
  const { picture, placed } = settled;
  const coloured = useMemo(() => look(picture.boxes, statistic), [picture, statistic]);
  const dark = theme.value === "dark";
  return (
    <>
      {picture.open.map((group) => {
        const key = `g:${group.path}`;
        const place = placed.boxes[key];
        const fold = (): void => properties.onFold(group.path, false);
        return place && <GraphFrame key={key} group={group} place={place} current={current === key} onFold={fold} />;
      })}
      <Lines lines={picture.lines} placed={placed} />
      {picture.boxes.map((box) => (
        <OneBox key={box.key} {...properties} box={box} colour={coloured.colour(box.shown, dark)} />
      ))}
    </>
  );
}

interface OneProperties extends Properties {
  box: Box;
  colour: Parameters<typeof GraphBox>[0]["colour"];
}

function OneBox({ box, colour, folding, settled, statistic, chosen, current, onChoose, onFold }: OneProperties): VNode | null {
  const [place, face] = [settled.placed.boxes[box.key], settled.faces.get(box.key)];
  if (!place || !face) return null;
  return (
    <GraphBox
      {...{ box, face, place, colour, statistic }}
      group={box.group === null ? undefined : folding.groups.get(box.group)}
      current={current === box.key}
      chosen={chosen === box.key}
      onChoose={() => onChoose(box.key)}
      onUnfold={() => box.group !== null && onFold(box.group, true)}
    />
  );
}

function Lines({ lines, placed }: { lines: readonly Line[]; placed: Placed }): VNode {
  const wide = useMemo(() => widths(lines), [lines]);
  return (
    <g aria-hidden="true">
      {lines.map((line, index) => {
        const width = wide[index] ?? null;
        const kind = width === null ? "line-still" : "line-flow";
        const bold = { "stroke-width": width ?? 1.2, "stroke-opacity": width === null ? 1 : 0.35 + width / 12 };
        const bends = path(placed.lines[index] ?? []);
        return <path key={`${line.from}>${line.to}`} class={`line ${kind}`} d={bends} marker-end="url(#arrow)" {...bold} />;
      })}
    </g>
  );
}
