/** The playground's choices of data and training. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { post } from "../client";
import { Button, ErrorBox, Select, Slider, TextInput } from "../components";
import { percent, value as short } from "../format";
import { t } from "../i18n";
import { ACTIVATIONS, bounded, DATA, NOISE, OPTIMIZERS, type Spec } from "../parts/playstate";

interface Properties {
  spec: Spec;
  change: (changes: Partial<Spec>) => void;
}

const RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
const PENALTIES = [0, 0.00001, 0.0001, 0.001, 0.01, 0.1, 1];
const BATCHES = [1, 4, 8, 16, 32, 64, 128, 0];

/** The usual numbers, and the one of the address where it is another. */
function choices(usual: readonly number[], now: number): number[] {
  return usual.includes(now) ? [...usual] : [...usual, now].sort((a, b) => a - b);
}

export function PlaygroundSettings({ spec, change }: Properties): VNode {
  return (
    <form class="playground-settings" aria-label={t("playground.settings")} onSubmit={(event) => event.preventDefault()}>
      <fieldset>
        <legend>{t("playground.data")}</legend>
        <Data spec={spec} change={change} />
      </fieldset>
      <fieldset>
        <legend>{t("playground.training")}</legend>
        <Training spec={spec} change={change} />
      </fieldset>
    </form>
  );
}

function Data({ spec, change }: Properties): VNode {
  const own = spec.data.startsWith("csv:");
  const digits = spec.data === "digits";
  const options: { value: string; text: string }[] = DATA.map((name) => ({ value: name, text: t(`playground.data.${name}`) }));
  if (own) options.push({ value: spec.data, text: t("playground.data.own") });
  return (
    <>
      <Select label={t("playground.data")} value={spec.data} options={options} onChange={(data) => change({ data, noise: NOISE[data] ?? 0 })} />
      <Upload onMade={(token) => change({ data: `csv:${token}` })} />
      {!own && !digits && (
        <Slider label={t("playground.points")} value={spec.points} min={50} max={1000} step={10} onChange={(points) => change({ points })} />
      )}
      {!own && !digits && (
        <Slider label={t("playground.noise")} value={spec.noise} min={0} max={0.5} step={0.01} show={(noise) => noise.toFixed(2)} onChange={(noise) => change({ noise })} />
      )}
      {!digits && (
        <Slider
          label={t("playground.test_share")}
          value={spec.test_share}
          min={0.1}
          max={0.8}
          step={0.05}
          show={(share) => percent(share, 0)}
          onChange={(test_share) => change({ test_share })}
        />
      )}
      <Whole label={t("playground.seed")} name="seed" value={spec.seed} onChange={(seed) => change({ seed })} />
    </>
  );
}

function Whole({ label, name, value, onChange }: { label: string; name: string; value: number; onChange: (n: number) => void }): VNode {
  return (
    <div class="seed">
      <TextInput label={label} type="number" value={String(value)} onChange={(text) => onChange(bounded(name, text.trim(), value))} />
      <Button kind="quiet" onClick={() => onChange(value + 1)}>
        {t("playground.another")}
      </Button>
    </div>
  );
}

function Training({ spec, change }: Properties): VNode {
  const numbers = (usual: readonly number[], now: number, zero: string) =>
    choices(usual, now).map((n) => ({ value: n, text: n === 0 ? zero : short(n) }));
  return (
    <>
      <Select
        label={t("playground.activation")}
        value={spec.activation}
        options={ACTIVATIONS.map((name) => ({ value: name as string, text: name === "Linear" ? t("playground.linear") : name }))}
        onChange={(activation) => change({ activation })}
      />
      <Select
        label={t("playground.optimizer")}
        value={spec.optimizer}
        options={OPTIMIZERS.map((name) => ({ value: name as string, text: name }))}
        onChange={(optimizer) => change({ optimizer })}
      />
      <Select label={t("playground.lr")} value={spec.lr} options={numbers(RATES, spec.lr, "0")} onChange={(lr) => change({ lr })} />
      <Select
        label={t("playground.batch")}
        value={spec.batch_size}
        options={numbers(BATCHES, spec.batch_size, t("playground.all_points"))}
        onChange={(batch_size) => change({ batch_size })}
      />
      <Select label="L1" value={spec.l1} options={numbers(PENALTIES, spec.l1, t("playground.none"))} onChange={(l1) => change({ l1 })} />
      <Select label="L2" value={spec.l2} options={numbers(PENALTIES, spec.l2, t("playground.none"))} onChange={(l2) => change({ l2 })} />
      <Slider
        label={t("playground.dropout")}
        value={spec.dropout}
        min={0}
        max={0.9}
        step={0.05}
        show={(share) => percent(share, 0)}
        onChange={(dropout) => change({ dropout })}
      />
    </>
  );
}

interface Uploaded {
  token: string;
  columns: string[];
  rows: number;
  /** None where the last column holds values: then they are fitted. */
  classes: (string | number)[] | null;
}

const MOST_BYTES = 900_000;

/** One's own table: columns of numbers, the last one the class. */
function Upload({ onMade }: { onMade: (token: string) => void }): VNode {
  const [found, setFound] = useState<(Uploaded & { name: string }) | null>(null);
  const [error, setError] = useState<unknown>(null);
  const read = async (file: File): Promise<void> => {
    setError(null);
    try {
      if (file.size > MOST_BYTES) throw new Error(t("playground.too_large", { name: file.name }));
      const answer = await post<Uploaded>("playground/upload", { name: file.name, csv: await file.text() });
      setFound({ ...answer, name: file.name });
      onMade(answer.token);
    } catch (reason) {
      setError(reason);
    }
  };
  return (
    <div class="upload">
      <label class="button plain">
        {t("playground.upload")}
        <input
          class="visually-hidden"
          type="file"
          accept=".csv,text/csv,text/plain"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            event.currentTarget.value = "";
            if (file) void read(file);
          }}
        />
      </label>
      <p class="note">
        {found
          ? t(found.classes ? "playground.uploaded" : "playground.uploaded_values", {
              name: found.name,
              rows: found.rows,
              columns: found.columns.length,
              classes: found.classes?.length ?? 0,
            })
          : t("playground.upload_hint")}
      </p>
      {error ? <ErrorBox error={error} /> : null}
    </div>
  );
}
