/** A formula of the registry, set with the browser's own MathML. */

import { h, type ComponentChildren, type VNode } from "preact";
import { useMemo } from "preact/hooks";
import { asText, isOperator, readLatex, type Formula as Tree } from "./latex";

function m(name: string, attributes: Record<string, string>, ...children: ComponentChildren[]): VNode {
  return h(name, attributes, ...children);
}

function set(tree: Tree): VNode {
  switch (tree.kind) {
    case "name":
      return m("mi", tree.upright ? { mathvariant: "normal" } : {}, tree.text);
    case "number":
      return m("mn", {}, tree.text);
    case "sign":
      return m("mo", tree.fence ? { stretchy: String(tree.grows === true), lspace: "0em", rspace: "0em" } : {}, tree.text);
    case "words":
      return m("mtext", {}, `\u00a0${tree.text.trim()}\u00a0`);
    case "space":
      return m("mspace", { width: `${tree.em}em` });
    case "row":
      return m("mrow", {}, ...tree.parts.flatMap((part, index) => (apart(tree.parts[index - 1], part) ? [gap(), set(part)] : [set(part)])));
    case "fraction":
      return m("mfrac", {}, set(tree.over), set(tree.under));
    case "root":
      return m("msqrt", {}, set(tree.of));
    case "accent":
      return m("mover", { accent: "true" }, set(tree.of), m("mo", { stretchy: String(tree.wide) }, tree.mark));
    case "table":
      return m("mtable", {}, ...tree.rows.map((row) => m("mtr", {}, ...row.map((cell) => m("mtd", {}, set(cell))))));
    case "script":
      return script(tree);
  }
}

function gap(): VNode {
  return m("mspace", { width: "0.17em" });
}

/** Whether a thin space stands between a function and what it is applied to, or before it: x ln y. */
function apart(before: Tree | undefined, part: Tree): boolean {
  if (!before || before.kind === "sign" || before.kind === "space" || part.kind === "space") return false;
  return (isOperator(before) && part.kind !== "sign") || (isOperator(part) && !isOperator(before));
}

function script({ base, sub, sup, limits }: Extract<Tree, { kind: "script" }>): VNode {
  const inside = [set(base), ...(sub ? [set(sub)] : []), ...(sup ? [set(sup)] : [])];
  const both = sub !== undefined && sup !== undefined;
  if (limits) return m(both ? "munderover" : sub ? "munder" : "mover", {}, ...inside);
  return m(both ? "msubsup" : sub ? "msub" : "msup", {}, ...inside);
}

/** `source` (LaTeX) as a formula; its text form is the title, nothing where there is no formula. */
export function Formula({ source, block = false }: { source: string; block?: boolean }): VNode | null {
  const tree = useMemo(() => readLatex(source), [source]);
  if (!source) return null;
  const name = asText(tree);
  return m("math", { class: "formula", title: name, ...(block ? { display: "block" } : {}) }, set(tree));
}
