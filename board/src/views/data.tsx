import { useState } from "preact/hooks";
import type { RunDetail, Sample, Samples } from "../api";
import { get } from "../client";
import { Button, Empty, ErrorBox, Loaded, Segmented } from "../components";
import { count, percent, value } from "../format";
import { t } from "../i18n";
import { useResource } from "../resource";
import type { RunViewProps } from "./props";

const PARTS = ["train", "valid", "test"] as const;
const KINDS = ["all", "mistakes", "suspects"] as const;
type PartName = (typeof PARTS)[number];
type Kind = (typeof KINDS)[number];
const PAGE = 48;

export default function Data({ run, checkpoint }: RunViewProps) {
  const sizes = (run.data?.samples ?? {}) as Partial<Record<PartName, number>>;
  const parts = PARTS.filter((part) => sizes[part] !== 0 && (part in sizes || !Object.keys(sizes).length));
  const [asked, setPart] = useState<PartName>("valid");
  const part = parts.includes(asked) ? asked : (parts[parts.length - 1] ?? "train");
  const [kind, setKind] = useState<Kind>("all");
  const judges = Boolean(run.classes?.length);
  const named = (one: PartName) => (sizes[one] ? `${t(`part.${one}`)} ${count(sizes[one])}` : t(`part.${one}`));
  return (
    <div class="stack">
      <div class="row controls">
        <Segmented label={t("data.part")} value={part} onChange={setPart} options={parts.map((one) => ({ value: one, text: named(one) }))} />
        {judges && (
          <Segmented
            label={t("data.which")}
            value={kind}
            onChange={setKind}
            options={KINDS.map((one) => ({ value: one, text: t(`data.${one}`) }))}
          />
        )}
      </div>
      {kind !== "all" && <p class="hint">{t(`data.${kind}.hint`)}</p>}
      <Grid key={`${part} ${kind} ${checkpoint}`} run={run} part={part} kind={judges ? kind : "all"} checkpoint={checkpoint} />
    </div>
  );
}

function Grid({ run, part, kind, checkpoint }: { run: RunDetail; part: PartName; kind: Kind; checkpoint: number | null }) {
  const [more, setMore] = useState<Sample[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const ask = (offset: number, signal?: AbortSignal) =>
    get<Samples>(`runs/${run.id}/samples`, { part, which: kind, offset, limit: PAGE, checkpoint }, signal);
  const first = useResource(`samples ${run.id} ${part} ${kind} ${checkpoint}`, (signal) => ask(0, signal));

  const load = async (offset: number) => {
    setBusy(true);
    setError(null);
    try {
      const answer = await ask(offset);
      setMore((former) => [...former, ...answer.items]);
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  };

  return (
    <Loaded from={first} height={320}>
      {(data) => {
        const items = [...data.items, ...more];
        if (!items.length) return <Empty title={t(`data.${kind}.none`)}>{t(`data.${kind}.none.text`)}</Empty>;
        return (
          <div class="stack">
            <ul class={`samples${items.some((item) => item.image) ? "" : " without-images"}`}>
              {items.map((item) => <SampleCard key={item.index} sample={item} run={run} kind={kind} />)}
            </ul>
            {error !== null && <ErrorBox error={error} />}
            <div class="row more">
              <span class="small muted">{t("common.showing", { shown: count(items.length), total: count(data.total) })}</span>
              {items.length < data.total && (
                <Button disabled={busy} onClick={() => void load(items.length)}>{t(busy ? "common.loading" : "common.more")}</Button>
              )}
            </div>
          </div>
        );
      }}
    </Loaded>
  );
}

function named(run: RunDetail, label: Sample["label"]): string {
  if (label === null) return "–";
  if (Array.isArray(label)) return label.map(value).join(", ");
  const name = typeof label === "number" ? run.classes?.[label] : undefined;
  if (name !== undefined) return String(name);
  return typeof label === "number" ? value(label) : label;
}

function SampleCard({ sample, run, kind }: { sample: Sample; run: RunDetail; kind: Kind }) {
  const label = named(run, sample.label);
  const predicted = named(run, sample.predicted);
  const judged = Boolean(run.classes?.length) && sample.predicted !== null;
  const wrong = judged && label !== predicted;
  return (
    <li class={`sample${wrong ? " wrong" : ""}`}>
      {sample.image ? (
        <img src={sample.image} alt={t("data.alt", { index: sample.index, label })} loading="lazy" decoding="async" />
      ) : (
        <code class="sample-values">{(sample.values ?? []).slice(0, 12).map(value).join("  ")}</code>
      )}
      <p class="sample-label">
        <strong>{label}</strong>
        {judged && wrong && (
          <>
            <span aria-label={t("data.taken_for")}> → </span>
            <strong class="bad-text">{predicted}</strong>
          </>
        )}
        {!judged && sample.predicted !== null && <span class="muted"> ≈ {predicted}</span>}
      </p>
      <p class="sample-facts">
        <span>#{sample.index}</span>
        {sample.probability !== null && <span title={t(kind === "suspects" ? "data.probability_label" : "data.probability")}>{percent(sample.probability)}</span>}
      </p>
    </li>
  );
}
