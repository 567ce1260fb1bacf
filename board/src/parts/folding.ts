/** The graph of a network as it is folded: modules, and long stretches of operations, shown as one box each. */

import type { Graph as GraphData, GraphNode } from "../api";

/** A box of the picture: one node of the graph, or a folded group with the nodes in it. */
export interface Box {
  key: string;
  group: string | null;
  members: GraphNode[];
  /** The node whose value the box shows: the node itself, or the last one of a group. */
  shown: GraphNode;
  parent: string;
}

export interface Line {
  from: string;
  to: string;
  /** The nodes whose values flow here, of which the strongest gradient is shown. */
  sources: GraphNode[];
}

export interface Group {
  path: string;
  parent: string;
  kind: string;
  title: string;
  parameters: number;
  members: GraphNode[];
}

export interface Picture {
  boxes: Box[];
  lines: Line[];
  /** The groups that stand open and hold something that is shown. */
  open: Group[];
}

// A stretch of more boxes than this in one group is cut into stretches, so that no layout takes long.
const MOST_IN_ONE = 48;
const TOP = "";

/** The nodes in an order in which each comes after those it reads. */
function ordered(data: GraphData): GraphNode[] {
  const waiting = new Map(data.nodes.map((node) => [node.id, 0]));
  const next = new Map<number, number[]>();
  for (const [from, to] of data.edges) {
    waiting.set(to, (waiting.get(to) ?? 0) + 1);
    const list = next.get(from);
    if (list) list.push(to);
    else next.set(from, [to]);
  }
  const byId = new Map(data.nodes.map((node) => [node.id, node]));
  const ready = data.nodes.filter((node) => !waiting.get(node.id)).map((node) => node.id);
  const found: GraphNode[] = [];
  for (let at = 0; at < ready.length; at++) {
    const id = ready[at] ?? -1;
    const node = byId.get(id);
    if (node) found.push(node);
    for (const to of next.get(id) ?? []) {
      const left = (waiting.get(to) ?? 0) - 1;
      waiting.set(to, left);
      if (left === 0) ready.push(to);
    }
  }
  if (found.length === data.nodes.length) return found;
  const seen = new Set(found);
  return [...found, ...data.nodes.filter((node) => !seen.has(node))];
}

/** All groups of a graph: its modules, and stretches where a module holds more than fits into one picture. */
export class Folding {
  readonly groups = new Map<string, Group>();
  private readonly home = new Map<number, string>();

  constructor(readonly data: GraphData) {
    this.group(TOP, TOP, "", "");
    for (const path of Object.keys(data.modules).sort()) if (path) this.module(path);
    const order = ordered(data);
    for (const node of order) this.place(node, node.module && this.module(node.module).path);
    for (const path of [...this.groups.keys()]) this.cut(path, order);
  }

  private group(path: string, parent: string, kind: string, title: string): Group {
    const made: Group = { path, parent, kind, title, parameters: 0, members: [] };
    this.groups.set(path, made);
    return made;
  }

  private module(path: string): Group {
    const known = this.groups.get(path);
    if (known) return known;
    const at = path.lastIndexOf(".");
    const parent = at < 0 ? TOP : this.module(path.slice(0, at)).path;
    const made = this.group(path, parent, this.data.modules[path]?.kind ?? "", path.slice(at + 1));
    made.parameters = this.data.modules[path]?.parameters ?? 0;
    return made;
  }

  private place(node: GraphNode, path: string): void {
    this.home.set(node.id, path);
    for (const at of this.path(path)) this.groups.get(at)?.members.push(node);
  }

  /** A group's own path and those of the groups around it, from the inside out, the top last. */
  path(path: string): string[] {
    const found = [path];
    for (let at = path; at !== TOP; ) {
      at = this.groups.get(at)?.parent ?? TOP;
      found.push(at);
    }
    return found;
  }

  /** Cuts what lies directly in a group into stretches of the order, if it is too much for one picture. */
  private cut(path: string, order: GraphNode[]): void {
    const children = this.children(path, order);
    if (children.length <= MOST_IN_ONE) return;
    const size = Math.ceil(children.length / Math.min(MOST_IN_ONE, Math.ceil(children.length / MOST_IN_ONE)));
    for (let start = 0; start < children.length; start += size) {
      const part = children.slice(start, start + size);
      const made = this.group(`${path}~${start}`, path, "", `${start + 1}–${start + part.length}`);
      for (const child of part) this.move(child, made);
      made.members = [...new Set(made.members)];
      this.cut(made.path, made.members);
    }
  }

  private children(path: string, order: GraphNode[]): (GraphNode | Group)[] {
    const found = new Set<GraphNode | Group>();
    for (const node of order) {
      const home = this.home.get(node.id) ?? TOP;
      if (home === path) found.add(node);
      else {
        const around = this.path(home);
        const at = around.indexOf(path);
        const child = at > 0 ? this.groups.get(around[at - 1] ?? "") : undefined;
        if (child) found.add(child);
      }
    }
    return [...found];
  }

  private move(child: GraphNode | Group, into: Group): void {
    if ("members" in child) {
      child.parent = into.path;
      into.members.push(...child.members);
      into.parameters += child.parameters;
    } else {
      this.home.set(child.id, into.path);
      into.members.push(child);
    }
  }

  /** The groups around a node from the inside out; a group of one node is none, for it would hide nothing. */
  private around(node: GraphNode): string[] {
    return this.visible(this.path(this.home.get(node.id) ?? TOP));
  }

  private visible(path: string[]): string[] {
    return path.filter((at) => at === TOP || (this.groups.get(at)?.members.length ?? 0) > 1);
  }

  /** What is seen when the groups in `open` stand open; the top always does. */
  picture(open: ReadonlySet<string>): Picture {
    const boxes = new Map<string, Box>();
    const boxOf = new Map<number, string>();
    const shownGroups = new Set<string>();
    for (const node of this.data.nodes) {
      const around = this.around(node);
      const shut = around.reduce((last, path, index) => (path !== TOP && !open.has(path) ? index : last), -1);
      const group = shut >= 0 ? (around[shut] ?? TOP) : null;
      const key = group === null ? `n${node.id}` : `m${group}`;
      const parent = (group === null ? around[0] : around[shut + 1]) ?? TOP;
      boxOf.set(node.id, key);
      if (!boxes.has(key)) boxes.set(key, { key, group, members: [], shown: node, parent });
      boxes.get(key)?.members.push(node);
      for (const path of this.visible(this.path(parent))) shownGroups.add(path);
    }
    for (const box of boxes.values()) box.shown = this.result(box.members);
    return { boxes: [...boxes.values()], lines: this.lines(boxOf), open: this.openGroups(shownGroups) };
  }

  private openGroups(paths: ReadonlySet<string>): Group[] {
    return [...this.groups.values()].filter((group) => group.path !== TOP && paths.has(group.path));
  }

  /** The last operation of a group: what it hands on. */
  private result(members: GraphNode[]): GraphNode {
    const operations = members.filter((node) => node.kind === "operation" || node.kind === "loss");
    return (operations.length ? operations : members)[Math.max(operations.length || members.length, 1) - 1] as GraphNode;
  }

  private lines(boxOf: ReadonlyMap<number, string>): Line[] {
    const byId = new Map(this.data.nodes.map((node) => [node.id, node]));
    const lines = new Map<string, Line>();
    for (const [a, b] of this.data.edges) {
      const [from, to, source] = [boxOf.get(a), boxOf.get(b), byId.get(a)];
      if (!from || !to || !source || from === to) continue;
      const key = `${from}>${to}`;
      const line = lines.get(key) ?? { from, to, sources: [] };
      if (!line.sources.includes(source)) line.sources.push(source);
      lines.set(key, line);
    }
    return [...lines.values()];
  }

  /** The groups to open so that as much is seen as `most` boxes allow, from the top down. */
  opened(most: number): Set<string> {
    const open = new Set<string>();
    const rest = [...this.groups.values()].filter((group) => group.path !== TOP);
    rest.sort((a, b) => this.path(a.path).length - this.path(b.path).length);
    for (const group of rest) {
      open.add(group.path);
      if (this.picture(open).boxes.length > most) {
        open.delete(group.path);
        break;
      }
    }
    return open;
  }
}
