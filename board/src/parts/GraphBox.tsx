/** One box of the graph's picture, and the frame around a group that stands open. */

import type { VNode } from "preact";
import type { GraphNode } from "../api";
import { value as short } from "../format";
import { t } from "../i18n";
import { css, inkOn, type Rgb } from "./colour";
import type { Box, Group } from "./folding";
import { fitted, PLAIN, statistic, textWidth, TITLE, type Statistic } from "./graphlook";
import type { Place } from "./placing";
import { shapeText } from "./units";

export interface Face {
  title: string;
  lines: string[];
  width: number;
  height: number;
}

/** What is written on a box, and the room it takes. */
export function face(box: Box, group: Group | undefined, which: Statistic): Face {
  const node = box.shown;
  const title = group ? groupTitle(group) : nodeTitle(node);
  const stat = statistic(node, which);
  const lines = [shapeText(node.shape, t("graph.scalar"))];
  if (group) lines.unshift(t("graph.holds", { n: operations(group.members) }));
  if (stat !== null) lines.push(`${t(`graph.short.${which}`)} ${short(stat)}`);
  const wanted = Math.max(textWidth(title, TITLE) + (group ? 28 : 0), ...lines.map((line) => textWidth(line, PLAIN)));
  return { title, lines, width: Math.ceil(Math.min(Math.max(wanted + 24, 84), 240)), height: 30 + 15 * lines.length };
}

/** A node's name without its module's, which the frame around it says. */
export function nodeTitle(node: GraphNode): string {
  const { name, module } = node;
  return (module && name.startsWith(`${module}.`) ? name.slice(module.length + 1) : name) || node.op;
}

/** A module by its kind and its own name; a stretch by what it spans. */
export function groupTitle(group: Group): string {
  if (group.path.includes("~")) return t("graph.stretch", { span: group.title });
  return group.kind && group.kind !== group.title ? `${group.title} · ${group.kind}` : group.title;
}

export function operations(members: readonly GraphNode[]): number {
  return members.filter((node) => node.kind === "operation").length;
}

interface Properties {
  box: Box;
  group: Group | undefined;
  face: Face;
  place: Place;
  colour: Rgb | null;
  statistic: Statistic;
  current: boolean;
  chosen: boolean;
  onChoose: () => void;
  onUnfold: () => void;
}

/** The box itself; one that is not folded tells its node and mean as data, unrounded. */
export function GraphBox(properties: Properties): VNode {
  const { box, group, face, place, colour, chosen } = properties;
  const node = box.shown;
  const mean = node.stats?.mean;
  const data = group
    ? { "data-group": group.path, "data-operations": operations(box.members) }
    : { "data-node": node.id, "data-kind": node.kind, "data-mean": mean === undefined ? undefined : String(mean) };
  const style = colour ? { "--fill": css(colour), "--ink": inkOn(colour) } : {};
  const what = [group ? t("graph.folded") : t(`graph.kind.${node.kind}`), face.title, ...face.lines].join(", ");
  return (
    <g
      class={`box box-${group ? "group" : node.kind} ${chosen ? "chosen" : ""} ${colour ? "coloured" : ""}`}
      transform={`translate(${place.x - face.width / 2} ${place.y - face.height / 2})`}
      style={style}
      role="button"
      aria-label={what}
      aria-expanded={group ? false : undefined}
      tabindex={properties.current ? 0 : -1}
      data-key={box.key}
      {...data}
      onClick={properties.onChoose}
      onDblClick={group ? properties.onUnfold : undefined}
    >
      {group && <rect class="box-behind" x={5} y={5} width={face.width} height={face.height} rx={10} />}
      <rect class="box-ground" width={face.width} height={face.height} rx={group || node.kind === "operation" ? 8 : 16} />
      <text class="box-title" x={12} y={20}>
        {fitted(face.title, face.width - (group ? 48 : 22), TITLE)}
      </text>
      {face.lines.map((line, index) => (
        <text key={index} class="box-line" x={12} y={36 + 15 * index}>
          {fitted(line, face.width - 22, PLAIN)}
        </text>
      ))}
      {group && <Sign x={face.width - 27} y={7} open={false} onClick={properties.onUnfold} />}
    </g>
  );
}

function Sign({ x, y, open, onClick }: { x: number; y: number; open: boolean; onClick: () => void }): VNode {
  const click = (event: MouseEvent): void => {
    event.stopPropagation();
    onClick();
  };
  return (
    <g class="fold-sign" transform={`translate(${x} ${y})`} onClick={click} aria-hidden="true">
      <title>{open ? t("graph.fold") : t("graph.unfold")}</title>
      <rect width={20} height={20} rx={6} />
      <path d={open ? "M6 10H14" : "M6 10H14M10 6V14"} />
    </g>
  );
}

interface FrameProperties {
  group: Group;
  place: Place;
  current: boolean;
  onFold: () => void;
}

/** The frame around a group that stands open, with a button that folds it. */
export function GraphFrame({ group, place, current, onFold }: FrameProperties): VNode {
  const title = groupTitle(group);
  return (
    <g
      class="frame"
      transform={`translate(${place.x - place.width / 2} ${place.y - place.height / 2})`}
      role="button"
      aria-expanded
      aria-label={t("graph.open", { name: title })}
      tabindex={current ? 0 : -1}
      data-key={`g:${group.path}`}
      onDblClick={onFold}
    >
      <rect class="frame-ground" width={place.width} height={place.height} rx={12} />
      <text class="frame-title" x={34} y={19}>
        {fitted(title, place.width - 44, PLAIN)}
      </text>
      <Sign x={7} y={5} open onClick={onFold} />
    </g>
  );
}
