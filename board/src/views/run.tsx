import { useEffect, useState } from "preact/hooks";
import type { RunDetail } from "../api";
import { ApiError, get, post, refusal } from "../client";
import { Button, CheckpointSlider, Empty, ErrorBox, Skeleton, StatusBadge, type Tab, Tabs, Tag, told } from "../components";
import { count, duration, moment } from "../format";
import { language, t } from "../i18n";
import { lazy } from "../lazy";
import { progress, progressText } from "../naming";
import { useResource } from "../resource";
import { navigate, parameter, setParameters } from "../router";
import { follow, runs, session } from "../store";
import type { RunViewProps } from "./props";

const VIEWS = {
  curves: lazy<RunViewProps>(() => import("./curves")),
  graph: lazy<RunViewProps>(() => import("./graph")),
  statistics: lazy<RunViewProps>(() => import("./statistics")),
  findings: lazy<RunViewProps>(() => import("./findings")),
  data: lazy<RunViewProps>(() => import("./data")),
  boundary: lazy<RunViewProps>(() => import("./boundary")),
  weights: lazy<RunViewProps>(() => import("./weights")),
  steps: lazy<RunViewProps>(() => import("./steps")),
  recipe: lazy<RunViewProps>(() => import("./recipe")),
};
type TabName = keyof typeof VIEWS;

/** The views that look into a checkpoint, and so have the slider above them. */
const SCRUBBED = new Set<TabName>(["graph", "data", "boundary", "weights", "steps"]);

function tabsOf(run: RunDetail): Tab[] {
  const names = (Object.keys(VIEWS) as TabName[]).filter((name) => name !== "boundary" || hasBoundary(run));
  return names.map((id) => ({ id, text: t(`tab.${id}`), ...(id === "findings" ? { count: run.findings.length } : {}) }));
}

/** Whether the inputs are one number (a curve can be drawn) or two (a plane). */
function hasBoundary(run: RunDetail): boolean {
  return run.shape?.length === 1 && (run.shape[0] ?? 3) <= 2;
}

/** Pictures that a hand can draw: one channel, and not too many pixels. */
function canDraw(run: RunDetail): boolean {
  const [channels = 0, height = 0, width = 0] = run.shape ?? [];
  return run.shape?.length === 3 && channels === 1 && height <= 64 && width <= 64 && run.checkpoints.length > 0;
}

function useRun(id: number) {
  const resource = useResource(`run ${id}`, (signal) => get<RunDetail>(`runs/${id}`, {}, signal));
  useEffect(() => follow([id], { finding: resource.reload, status: resource.reload }), [id, resource.reload]);
  const row = runs.value.get(id);
  // Checkpoints come at the ends of epochs: the row tells of those before the details do.
  useEffect(() => {
    if (row?.status !== "running") return;
    const timer = setInterval(resource.reload, 10_000);
    return () => clearInterval(timer);
  }, [row?.status, resource.reload]);
  return { ...resource, row };
}

export default function RunPage({ id, tab }: { id: number; tab: string }) {
  const { data, error, reload, row } = useRun(id);
  if (error && !data) return error instanceof ApiError && error.status === 404 ? <NoRun /> : <ErrorBox error={error} retry={reload} />;
  if (!data) return <Skeleton lines={8} />;
  const run: RunDetail = row ? { ...row, ...data, ...live(row) } : data;
  const tabs = tabsOf(run);
  const name = (tabs.some((one) => one.id === tab) ? tab : "curves") as TabName;
  const View = VIEWS[name];
  const asked = Number(parameter("checkpoint") ?? Number.NaN);
  const chosen = run.checkpoints.find((checkpoint) => checkpoint.id === asked);
  const checkpoint = chosen ?? run.checkpoints.find((one) => one.kind === "last") ?? run.checkpoints[run.checkpoints.length - 1];
  const kept = chosen ? `?checkpoint=${chosen.id}` : "";
  return (
    <>
      <Head run={run} />
      <div data-page-tabs="">
        <Tabs
          label={t("tab.label")}
          tabs={tabs}
          current={name}
          panel="run-view"
          onSelect={(next) => navigate(`/run/${id}/${next}${kept}`, { replace: true })}
        />
      </div>
      {SCRUBBED.has(name) && (
        <CheckpointSlider
          checkpoints={run.checkpoints}
          value={checkpoint?.id ?? null}
          onChange={(next) => setParameters({ checkpoint: String(next) })}
        />
      )}
      <div id="run-view" role="tabpanel" aria-labelledby={`tab-${name}`}>
        {SCRUBBED.has(name) && run.unreadable ? (
          <ErrorBox error={refusal(403, run.unreadable)} retry={reload} />
        ) : SCRUBBED.has(name) && !checkpoint ? (
          <Empty title={t("checkpoint.none")}>{t(run.status === "running" ? "checkpoint.none.yet" : "checkpoint.none.text")}</Empty>
        ) : (
          <View run={run} checkpoint={checkpoint?.id ?? null} />
        )}
      </div>
    </>
  );
}

/** In the place of a run whose folder is gone, or never was. */
export function NoRun() {
  return (
    <Empty title={t("run.none")} action={<a class="button plain" href="#/">{t("app.toruns")}</a>}>
      {t("run.none.text")}
    </Empty>
  );
}

type Live = Pick<RunDetail, "status" | "epoch" | "step" | "seconds" | "metrics" | "best">;

function live({ status, epoch, step, seconds, metrics, best }: Live): Live {
  return { status, epoch, step, seconds, metrics, best };
}

function Head({ run }: { run: RunDetail }) {
  const share = progress(run);
  const running = run.status === "running";
  return (
    <div class="run-head">
      <div class="page-head">
        <h1>{run.name}</h1>
        <StatusBadge status={run.status} />
        <div class="page-tools">
          {canDraw(run) && <a class="button plain" href={`#/draw/${run.id}`}>{t("tab.draw")}</a>}
          {running && session.value?.can_train && <StopButton id={run.id} />}
        </div>
      </div>
      <p class="facts">
        {run.set && <Tag tone="accent">{run.set}</Tag>}
        <span>{run.model}</span>
        <span>{progressText(run)}</span>
        {run.seconds !== null && <span>{duration(run.seconds)}</span>}
        <span>{moment(run.started)}</span>
        {typeof run.result?.parameters === "number" && <span>{t("run.parameters", { n: count(run.result.parameters) })}</span>}
      </p>
      {running && share !== null && (
        <progress class="progress" value={share} max={1} aria-label={t("run.progress")} />
      )}
      {run.reason && (
        <p class="reason">
          <strong>{t("run.failed")}</strong> {run.reason}
        </p>
      )}
    </div>
  );
}

function StopButton({ id }: { id: number }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const stop = async () => {
    setBusy(true);
    setError(null);
    try {
      await post(`trainings/${id}/stop`);
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  return (
    <>
      <span class="small bad-text" role="status">
        {error ? told(error).filter(Boolean).join(language.value === "zh" ? "；" : "; ") : ""}
      </span>
      <Button icon="stop" disabled={busy} onClick={() => void stop()}>{t(busy ? "run.stopping" : "run.stop")}</Button>
    </>
  );
}
