/** Backpropagation one operation at a time, from the loss back to the parameters. */

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../client";
import { Button, Empty, Loaded } from "../components";
import { count, plain, value as short } from "../format";
import { t } from "../i18n";
import { Formula } from "../parts/Formula";
import { flatten, laid, pictures, range } from "../parts/grid";
import { Heat } from "../parts/Heat";
import { NumberTable } from "../parts/NumberTable";
import { type Form, PictureOrTable } from "../parts/PictureOrTable";
import type { Array_, BackwardStep, Leaf, Product, StepsAnswer } from "../parts/steptypes";
import { shapeText } from "../parts/units";
import { useResource } from "../resource";
import { stillness } from "../theme";
import type { RunViewProps } from "./props";

const SAMPLES = 8;

export default function StepsView({ run, checkpoint }: RunViewProps): VNode {
  const resource = useResource<StepsAnswer>(`${run.id}/${checkpoint}`, (signal) =>
    get<StepsAnswer>(`runs/${run.id}/steps`, { checkpoint, samples: SAMPLES }, signal),
  );
  return (
    <section class="steps-view" aria-label={t("steps.name")}>
      <Loaded from={resource} height={420}>
        {(answer) => (answer.steps.length ? <Walk {...answer} /> : <Empty title={t("steps.empty")} />)}
      </Loaded>
    </section>
  );
}

/** Goes on by itself while it plays; the last place is that of the leaves. */
function usePlay(at: number, last: number, go: (at: number) => void): [boolean, (on: boolean) => void] {
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    if (at >= last) return setPlaying(false);
    const timer = setTimeout(() => go(at + 1), stillness.matches ? 2500 : 1400);
    return () => clearTimeout(timer);
  }, [playing, at, last]);
  return [playing, setPlaying];
}

function Walk({ steps, leaves }: StepsAnswer): VNode {
  const [chosen, setChosen] = useState(0);
  const [numbers, setNumbers] = useState<Form>("picture");
  const last = steps.length;
  const at = Math.min(chosen, last);
  const go = (to: number): void => setChosen(Math.min(Math.max(to, 0), last));
  const [playing, play] = usePlay(at, last, go);
  const step = steps[at];

  const keyed = (event: KeyboardEvent): void => {
    if ((event.target as Element).closest("input, select, [role=radiogroup], .number-table")) return;
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    play(false);
    go(to);
  };

  return (
    <div class="steps" onKeyDown={keyed} data-steps={steps.length} data-at={at}>
      <div class="toolbar">
        <Button icon="left" label={t("steps.previous")} disabled={at === 0} onClick={() => go(at - 1)} />
        <Button
          kind="primary"
          icon={playing ? "pause" : "play"}
          label={t(playing ? "steps.pause" : "steps.play")}
          onClick={() => {
            if (!playing && at === last) go(0);
            play(!playing);
          }}
        />
        <Button icon="chevron" label={t("steps.next")} disabled={at === last} onClick={() => go(at + 1)} />
        <output class="steps-place" aria-live="polite">
          {step ? t("steps.place", { at: at + 1, of: steps.length }) : t("steps.end")}
        </output>
        <span class="toolbar-space" />
        <PictureOrTable value={numbers} onChange={setNumbers} />
      </div>
      <div class="steps-body">
        <Overview steps={steps} at={at} go={go} />
        <div class="steps-detail">
          {step ? <OneStep step={step} table={numbers === "table"} /> : <Leaves leaves={leaves} table={numbers === "table"} />}
        </div>
      </div>
      <p class="note">{t("steps.keys")}</p>
    </div>
  );
}

/** All operations from the loss back, and what they lead to. */
function Overview({ steps, at, go }: { steps: BackwardStep[]; at: number; go: (at: number) => void }): VNode {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const frame = list.current;
    const item = frame?.querySelector<HTMLElement>("[aria-current]");
    if (!frame || !item) return;
    // Only the list scrolls: scrollIntoView would move the page with it.
    const [above, below] = [item.offsetTop - frame.scrollTop, item.offsetTop + item.offsetHeight - frame.scrollTop];
    if (above < 0 || below > frame.clientHeight) frame.scrollTop = item.offsetTop - frame.clientHeight / 3;
    frame.scrollLeft = item.offsetLeft - frame.clientWidth / 3;
  }, [at]);
  return (
    <ol class="steps-list" ref={list} aria-label={t("steps.list")}>
      {steps.map((step, index) => (
        <li key={step.index}>
          <button type="button" aria-current={index === at ? "step" : undefined} class={index < at ? "done" : ""} onClick={() => go(index)}>
            <span class="steps-number">{index + 1}</span>
            <span class="steps-op">{step.name || step.op}</span>
            {step.module && <span class="steps-module">{step.module}</span>}
          </button>
        </li>
      ))}
      <li>
        <button type="button" aria-current={at === steps.length ? "step" : undefined} onClick={() => go(steps.length)}>
          <span class="steps-number">=</span>
          <span class="steps-op">{t("steps.leaves")}</span>
        </button>
      </li>
    </ol>
  );
}

function OneStep({ step, table }: { step: BackwardStep; table: boolean }): VNode {
  const incoming = Array.isArray(step.incoming) ? step.incoming : [step.incoming];
  return (
    <article aria-label={step.name || step.op}>
      <header class="step-head">
        <h3>{step.name || step.op}</h3>
        <p class="note">
          {[step.module && t("steps.in_module", { module: step.module }), step.where].filter(Boolean).join(" · ")}
        </p>
      </header>
      <div class="step-formulas">
        {step.formula && <Law name={t("steps.formula")} source={step.formula} />}
        {step.derivative && <Law name={t("steps.derivative")} source={step.derivative} />}
      </div>
      <Stage title={t("steps.incoming")} hint={t("steps.incoming_hint")}>
        {incoming.map((one, index) => one && <Card key={index} name={incoming.length > 1 ? `g[${index}]` : "g"} array={one} table={table} />)}
      </Stage>
      <Kept step={step} table={table} />
      {Object.keys(step.local).length > 0 && (
        <Stage title={t("steps.local")} hint={t("steps.local_hint")}>
          {Object.entries(step.local).map(([name, array]) => (
            <Card key={name} name={`∂/∂${name}`} array={array} table={table} />
          ))}
        </Stage>
      )}
      <Stage title={t("steps.products")} hint={t("steps.products_hint")}>
        {step.products.map((product, index) => (
          <Sent key={index} product={product} table={table} />
        ))}
      </Stage>
    </article>
  );
}

function Law({ name, source }: { name: string; source: string }): VNode {
  return (
    <div class="law">
      <span class="law-name">{name}</span>
      <Formula source={source} block />
    </div>
  );
}

function Stage({ title, hint, children }: { title: string; hint: string; children: ComponentChildren }): VNode {
  return (
    <section class="stage">
      <h4>{title}</h4>
      <p class="note">{hint}</p>
      <div class="stage-cards">{children}</div>
    </section>
  );
}

function Kept({ step, table }: { step: BackwardStep; table: boolean }): VNode | null {
  const saved = Object.entries(step.saved);
  const options = Object.entries(step.options);
  if (!saved.length && !options.length) return null;
  return (
    <Stage title={t("steps.saved")} hint={t("steps.saved_hint")}>
      {saved.map(([name, array]) => (
        <Card key={name} name={name} array={array} table={table} />
      ))}
      {options.length > 0 && (
        <dl class="node-facts">
          {options.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{plain(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </Stage>
  );
}

function Sent({ product, table }: { product: Product; table: boolean }): VNode {
  const leaf = product.kind !== "operation";
  return (
    <div class="sent">
      <Card name={t("steps.product_of", { input: product.input })} array={product.array} table={table} />
      <p class="sent-to">
        <span aria-hidden="true">→</span> {t(leaf ? "steps.added_to_leaf" : "steps.added_to", { to: product.to })}
      </p>
      <Card name={t("steps.total", { to: product.to })} array={product.added_to_total} table={table} />
    </div>
  );
}

const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** Says how many of an array's numbers the pictures show, where these are not all. */
function partText(shown: readonly { values: ArrayLike<number> }[], shape: readonly number[]): string {
  const n = shown.reduce((sum, picture) => sum + picture.values.length, 0);
  return n < size(shape) ? ` · ${t("steps.part", { shown: count(n), n: count(size(shape)) })}` : "";
}

/** An array: a small heat map with its size and mean, or its numbers. */
function Card({ name, array, table }: { name: string; array: Array_; table: boolean }): VNode {
  const all = useMemo(() => pictures(flatten(array.values)), [array]);
  const upright = useMemo(() => all.slice(0, 16).map((picture) => laid(picture).grid), [all]);
  const shown = all.slice(0, 16);
  const [low, high] = range(all.flatMap((picture) => range(picture.values)));
  const scalar = array.shape.length === 0 || (all.length === 1 && all[0]?.values.length === 1);
  return (
    <figure class="card-array">
      <figcaption>
        <b>{name}</b> <span class="muted">{shapeText(array.shape, t("graph.scalar"))}</span>
      </figcaption>
      {scalar ? (
        <span class="one-number">{short(all[0]?.values[0])}</span>
      ) : table ? (
        shown.slice(0, 4).map((picture) => (
          <NumberTable key={picture.label} grid={picture} caption={`${name} ${picture.label}`} more={t("values.more")} />
        ))
      ) : (
        <span class="card-pictures">
          {upright.map((picture) => (
            <Heat key={picture.label} grid={picture} label={`${name} ${picture.label}`} {...{ low, high }} size={shown.length > 1 ? 56 : 180} />
          ))}
        </span>
      )}
      {!scalar && (
        <p class="card-facts">
          {t("steps.facts", { mean: short(array.mean), low: short(array.min), high: short(array.max) })}
          {partText(table ? shown.slice(0, 4) : shown, array.shape)}
        </p>
      )}
    </figure>
  );
}

/** Where it all arrives: the gradients, as backward() leaves them. */
function Leaves({ leaves, table }: { leaves: Record<string, Leaf>; table: boolean }): VNode {
  return (
    <article aria-label={t("steps.leaves")}>
      <header class="step-head">
        <h3>{t("steps.leaves")}</h3>
        <p class="note">{t("steps.leaves_hint")}</p>
      </header>
      <ul class="leaves">
        {Object.entries(leaves).map(([name, leaf]) => (
          <li key={name} data-leaf={name} data-norm={String(leaf.norm)} data-mean={String(leaf.mean)}>
            <LeafCard name={name} leaf={leaf} table={table} />
          </li>
        ))}
      </ul>
    </article>
  );
}

function LeafCard({ name, leaf, table }: { name: string; leaf: Leaf; table: boolean }): VNode {
  const flat = useMemo(() => flatten(leaf.values), [leaf]);
  const all = useMemo(() => pictures(flat), [flat]);
  const upright = useMemo(() => all.slice(0, 16).map((picture) => laid(picture).grid), [all]);
  const [low, high] = range(flat.values);
  return (
    <figure class="card-array">
      <figcaption>
        <b>{name}</b> <span class="muted">{shapeText(leaf.shape, t("graph.scalar"))}</span>
      </figcaption>
      {table
        ? all.slice(0, 4).map((picture) => <NumberTable key={picture.label} grid={picture} caption={name} more={t("values.more")} />)
        : (
          <span class="card-pictures">
            {upright.map((picture) => (
              <Heat key={picture.label} grid={picture} label={`${name} ${picture.label}`} {...{ low, high }} size={all.length > 1 ? 56 : 180} />
            ))}
          </span>
        )}
      <p class="card-facts">
        {t("steps.leaf_facts", { norm: short(leaf.norm), mean: short(leaf.mean), n: count(size(leaf.shape)) })}
        {partText(all.slice(0, table ? 4 : 16), leaf.shape)}
      </p>
    </figure>
  );
}
