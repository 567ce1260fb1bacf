/** A small network to try things out with: choose, watch it learn, take the recipe along. */

import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button, Chart, CopyButton, ErrorBox, Select, Skeleton } from "../components";
import { count, percent, value as short } from "../format";
import { pick, t } from "../i18n";
import { CurvePicture } from "../parts/CurvePicture";
import { PlanePicture } from "../parts/PlanePicture";
import { Play, SPEEDS, type Frame } from "../parts/play";
import { readSpec, writeSpec, type Spec } from "../parts/playstate";
import { navigate, route } from "../router";
import { PlaygroundNetwork } from "./playground-network";
import { PlaygroundSettings } from "./playground-settings";

/** The choices, held by the address alone, and the network that they make. */
function usePlay(): { play: Play; spec: Spec; change: (changes: Partial<Spec>) => void } {
  const play = useMemo(() => new Play(), []);
  const { query } = route.value;
  const spec = useMemo(() => readSpec(query), [query]);
  const text = writeSpec(spec);
  useEffect(() => {
    // A slider under way makes many specs: only where it rests is worth a network.
    const timer = setTimeout(() => void play.make(spec), play.made.peek() ? 200 : 0);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => () => play.leave(), []);
  const change = (changes: Partial<Spec>): void => {
    navigate(`/playground?${writeSpec({ ...spec, ...changes })}`, { replace: true });
  };
  useEffect(() => {
    if (query !== text) change({});
  }, []);
  return { play, spec, change };
}

export default function Playground(): VNode {
  const { play, spec, change } = usePlay();
  const frame = play.frame.value;
  const [looked, look] = useState<{ layer: number; unit: number } | null>(null);
  const keyed = (event: KeyboardEvent): void => {
    const target = event.target as Element;
    if (event.key !== " " || target.closest("button, input, select, textarea, a, summary")) return;
    event.preventDefault();
    if (play.playing.value) play.pause();
    else play.play();
  };
  useEffect(() => {
    document.addEventListener("keydown", keyed);
    return () => document.removeEventListener("keydown", keyed);
  }, []);
  return (
    <section class="playground" aria-labelledby="playground-title" data-hash={frame?.hash} data-step={frame?.step}>
      <header class="page-head">
        <h1 id="playground-title">{t("playground.name")}</h1>
        <p class="muted">{t("playground.about")}</p>
      </header>
      <Controls play={play} />
      {play.error.value ? <ErrorBox error={play.error.value} retry={() => play.reset()} /> : null}
      <div class="playground-body">
        <PlaygroundSettings spec={spec} change={change} />
        <PlaygroundNetwork {...{ spec, change, frame, looked, look }} />
        <Answer play={play} frame={frame} looked={looked} />
        <Outcome play={play} />
      </div>
    </section>
  );
}

function Controls({ play }: { play: Play }): VNode {
  const playing = play.playing.value;
  const frame = play.frame.value;
  const gone = !play.made.value;
  return (
    <div class="playground-controls" role="toolbar" aria-label={t("playground.controls")}>
      <Button icon="reset" label={t("playground.reset")} onClick={() => play.reset()} />
      <Button
        kind="primary"
        icon={playing ? "pause" : "play"}
        disabled={gone}
        onClick={() => (playing ? play.pause() : play.play())}
      >
        {t(playing ? "playground.pause" : "playground.play")}
      </Button>
      <Button icon="step" disabled={gone || playing} onClick={() => void play.advance(1)}>
        {t("playground.step")}
      </Button>
      <Button disabled={gone || playing} onClick={() => void play.advance(100)}>
        {t("playground.hundred")}
      </Button>
      <Select
        label={t("playground.speed")}
        value={play.stride.value}
        options={SPEEDS.map((n) => ({ value: n, text: t("playground.per_frame", { n }) }))}
        onChange={(n) => (play.stride.value = n)}
      />
      <output class="playground-step">
        <span>{t("playground.steps")}</span>
        <b>{count(frame?.step ?? 0)}</b>
      </output>
    </div>
  );
}

interface AnswerProperties {
  play: Play;
  frame: Frame | null;
  looked: { layer: number; unit: number } | null;
}

/** What the network answers now, and how well. */
function Answer({ play, frame, looked }: AnswerProperties): VNode {
  const { loss, test_loss } = play.course.value;
  const lines = [
    { name: t("playground.train"), colour: "--s1", points: loss },
    { name: t("playground.test"), colour: "--s2", points: test_loss, dashed: true },
  ];
  if (!frame) return <div class="playground-answer"><Skeleton height={320} /></div>;
  return (
    <div class="playground-answer">
      {frame.boundary && "curve" in frame.boundary ? (
        <CurvePicture data={frame.boundary} />
      ) : frame.boundary ? (
        <PlanePicture data={frame.boundary} label={t("boundary.label")} response={response(frame, looked)} />
      ) : (
        <p class="note">{t("playground.no_plane")}</p>
      )}
      <dl class="scores">
        <Score name={t("playground.train")} accuracy={frame.accuracy} loss={frame.loss} />
        <Score name={t("playground.test")} accuracy={frame.test_accuracy} loss={frame.test_loss} />
      </dl>
      <Chart label={t("playground.loss")} lines={lines} height={150} />
    </div>
  );
}

function Score({ name, accuracy, loss }: { name: string; accuracy: number | null; loss: number | null }): VNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b>{accuracy === null ? short(loss) : percent(accuracy, 1)}</b>{" "}
        {accuracy !== null && <span class="muted">{t("playground.loss_is", { loss: short(loss) })}</span>}
      </dd>
    </div>
  );
}

/** What the unit that is looked at answers over the plane, or null for the network's own answer. */
function response(frame: Frame, looked: AnswerProperties["looked"]): number[] | null {
  if (!looked || !frame.boundary || !("size" in frame.boundary)) return null;
  const found = frame.units[looked.layer]?.[looked.unit]?.response;
  return found?.length === frame.boundary.size ** 2 ? found : null;
}

/** What the doctor says, and the recipe to take along. */
function Outcome({ play }: { play: Play }): VNode {
  const made = play.made.value;
  const findings = play.frame.value?.findings ?? [];
  const link = useRef(location.href);
  link.current = location.href;
  return (
    <div class="playground-outcome">
      <section aria-labelledby="playground-findings">
        <h2 id="playground-findings">{t("playground.findings")}</h2>
        {findings.length ? (
          <ul class="playground-findings">
            {findings.map((finding) => (
              <li key={`${finding.fault} ${finding.where}`}>
                {finding.where && <code>{finding.where}</code>} {pick(finding.text)}
              </li>
            ))}
          </ul>
        ) : (
          <p class="note">{t("playground.healthy")}</p>
        )}
      </section>
      <section aria-labelledby="playground-take">
        <h2 id="playground-take">{t("playground.take")}</h2>
        <p class="note">{made ? t("playground.parameters", { n: count(made.parameters) }) : t("common.loading")}</p>
        <div class="row">
          <CopyButton text={made?.yaml ?? ""}>{t("playground.yaml")}</CopyButton>
          <CopyButton text={made?.python ?? ""}>{t("playground.python")}</CopyButton>
          <CopyButton text={link.current}>{t("playground.link")}</CopyButton>
        </div>
        {made && (
          <details class="playground-code">
            <summary>{t("playground.show")}</summary>
            <pre tabIndex={0}>{made.yaml}</pre>
            <pre tabIndex={0}>{made.python}</pre>
          </details>
        )}
        <p class="note mono playground-hash">{play.frame.value ? t("playground.hash", { hash: play.frame.value.hash.slice(0, 16) }) : ""}</p>
      </section>
    </div>
  );
}
