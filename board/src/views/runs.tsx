import { signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { RunRow } from "../api";
import { Button, type Column, Empty, ErrorBox, Segmented, Skeleton, type Sorting, StatusBadge, Table, Tag, TextInput } from "../components";
import { duration, moment, plain, value } from "../format";
import { fits } from "../filter";
import { language, t } from "../i18n";
import { heading, progress, progressText, seriesText } from "../naming";
import { navigate } from "../router";
import { loadRuns, runs, runsError, runsLoaded } from "../store";
import { stored } from "../stored";
import { ColumnChooser } from "./columns";
import { Sweeps } from "./sweeps";

const query = signal("");
const chosen = signal<ReadonlySet<number>>(new Set());
const sorting = stored<Sorting>("sorting", { column: "started", descending: true });
const columnIds = stored<string[] | null>("columns", null);
const grouped = stored("grouped", false);

export default function Runs() {
  const all = useMemo(() => [...runs.value.values()], [runs.value]);
  const shown = useMemo(() => all.filter((run) => fits(run, query.value)), [all, query.value]);
  const hasSweeps = all.some((run) => run.sweep !== null);
  return (
    <>
      <div class="page-head">
        <h1>{t("app.runs")}</h1>
        {runsLoaded.value && all.length > 0 && (
          <span class="muted small">{shown.length === all.length ? t("runs.count", { n: all.length }) : t("common.showing", { shown: shown.length, total: all.length })}</span>
        )}
        <div class="page-tools">
          <a class="button primary" href="#/new">{t("app.new")}</a>
        </div>
      </div>
      {all.length > 0 && <Tools all={all} hasSweeps={hasSweeps} />}
      <Body all={all} shown={shown} byFactor={grouped.value && hasSweeps} />
    </>
  );
}

function Body({ all, shown, byFactor }: { all: RunRow[]; shown: RunRow[]; byFactor: boolean }) {
  if (!runsLoaded.value) return runsError.value ? <ErrorBox error={runsError.value} retry={() => void loadRuns()} /> : <Skeleton lines={7} />;
  if (!all.length) {
    return (
      <Empty title={t("runs.none")} action={<a class="button primary" href="#/new">{t("app.new")}</a>}>
        {t("runs.none.text")} <code>tapegrad train digits</code>
      </Empty>
    );
  }
  if (!shown.length) {
    return (
      <Empty title={t("runs.nomatch")} action={<Button onClick={() => (query.value = "")}>{t("runs.clear")}</Button>}>
        {t("runs.nomatch.text")}
      </Empty>
    );
  }
  return byFactor ? <Sweeps runs={shown} /> : <RunTable rows={shown} />;
}

function Tools({ all, hasSweeps }: { all: RunRow[]; hasSweeps: boolean }) {
  const selected = [...chosen.value].filter((id) => runs.value.has(id));
  return (
    <div class="runs-tools">
      <div class="runs-filter">
        <TextInput hidden type="search" label={t("runs.filter")} placeholder={t("runs.filter.example")} value={query.value} onChange={(text) => (query.value = text)} />
      </div>
      {hasSweeps && (
        <Segmented
          label={t("runs.view")}
          value={grouped.value ? "sweeps" : "runs"}
          onChange={(view) => (grouped.value = view === "sweeps")}
          options={[{ value: "runs", text: t("runs.each") }, { value: "sweeps", text: t("runs.sweeps") }]}
        />
      )}
      {!grouped.value && <ColumnChooser all={available(all)} shown={columnsOf(all).map((column) => column.id)} onChange={(ids) => (columnIds.value = ids)} />}
      {!grouped.value && (<Button icon="compare" disabled={selected.length < 2} title={selected.length < 2 ? t("runs.compare.hint") : undefined} onClick={() => navigate(`/compare/${selected.join(",")}`)}>
        {selected.length ? t("runs.compare.n", { n: selected.length }) : t("runs.compare")}
      </Button>)}
      {!grouped.value && selected.length > 0 && <Button kind="quiet" onClick={() => (chosen.value = new Set())}>{t("runs.unselect")}</Button>}
    </div>
  );
}

function toggle(run: RunRow): void {
  const next = new Set(chosen.value);
  if (!next.delete(run.id)) next.add(run.id);
  chosen.value = next;
}

/** A column that can be shown: "metric:loss", "best:loss", "config:optimizer.lr" or one of the run's own. */
export interface ColumnInfo {
  id: string;
  title: string;
  group: "run" | "metric" | "best" | "config";
}

const OWN = ["status", "set", "model", "progress", "started", "seconds", "findings", "sweep"] as const;
const MUTE = /^(title|description|reported)(\.|$)/;

function available(all: readonly RunRow[]): ColumnInfo[] {
  const names = (of: (run: RunRow) => object) => [...new Set(all.flatMap((run) => Object.keys(of(run))))];
  const keys = names((run) => run.config).filter((key) => !MUTE.test(key));
  const varies = (key: string) => Number(new Set(all.map((run) => plain(run.config[key]))).size > 1);
  return [
    ...OWN.map((id) => ({ id, title: t(`runs.${id}`), group: "run" as const })),
    ...names((run) => run.metrics).map((name) => ({ id: `metric:${name}`, title: heading(seriesText(name)), group: "metric" as const })),
    ...names((run) => run.best).map((name) => ({ id: `best:${name}`, title: heading(t("runs.best", { metric: seriesText(name) })), group: "best" as const })),
    // What tells runs apart stands first.
    ...keys.sort((a, b) => varies(b) - varies(a)).map((key) => ({ id: `config:${key}`, title: key, group: "config" as const })),
  ];
}

const FAVOURED = ["loss", "valid_accuracy", "test_accuracy", "valid_loss", "test_loss"];

function usual(all: readonly RunRow[]): string[] {
  const found = new Set(all.flatMap((run) => Object.keys(run.metrics)));
  const metrics = FAVOURED.filter((name) => found.has(name)).slice(0, 3);
  return ["status", "set", "model", "progress", "findings", ...metrics.map((name) => `metric:${name}`), "seconds", "started"];
}

function columnsOf(all: readonly RunRow[]): Column<RunRow>[] {
  const there = new Map(available(all).map((info) => [info.id, info]));
  const ids = columnIds.value ?? usual(all);
  return ids.map((id) => there.get(id)).filter((info) => info !== undefined).map(columnOf);
}

function columnOf({ id, title, group }: ColumnInfo): Column<RunRow> {
  const name = id.slice(id.indexOf(":") + 1);
  if (group === "metric" || group === "best") {
    const of = (run: RunRow) => (group === "metric" ? run.metrics : run.best)[name];
    return { id, title, numeric: true, by: of, cell: (run) => value(of(run)) };
  }
  if (group === "config") {
    const by = (run: RunRow) => (typeof run.config[name] === "number" ? run.config[name] : name in run.config ? plain(run.config[name]) : null);
    return { id, title, by, cell: (run) => plain(run.config[name]) };
  }
  return OWN_COLUMNS[id as (typeof OWN)[number]](title);
}

const OWN_COLUMNS: Record<(typeof OWN)[number], (title: string) => Column<RunRow>> = {
  status: (title) => ({ id: "status", title, by: (run) => run.status, cell: (run) => <StatusBadge status={run.status} /> }),
  set: (title) => ({ id: "set", title, by: (run) => run.set, cell: (run) => run.set ?? "–" }),
  model: (title) => ({ id: "model", title, by: (run) => run.model, cell: (run) => run.model || "–" }),
  sweep: (title) => ({ id: "sweep", title, by: (run) => run.sweep, cell: (run) => run.sweep ?? "–" }),
  progress: (title) => ({ id: "progress", title, by: (run) => run.step, cell: (run) => <Progress run={run} /> }),
  started: (title) => ({ id: "started", title, numeric: true, by: (run) => run.started, cell: (run) => moment(run.started) }),
  seconds: (title) => ({ id: "seconds", title, numeric: true, by: (run) => run.seconds, cell: (run) => duration(run.seconds) }),
  findings: (title) => ({
    id: "findings",
    title,
    numeric: true,
    by: (run) => run.findings,
    cell: (run) => (run.findings ? <Tag tone="warn">{run.findings}</Tag> : <span class="muted">0</span>),
  }),
};

function Progress({ run }: { run: RunRow }) {
  const share = run.status === "running" ? progress(run) : null;
  return (
    <span class="progress-cell">
      {progressText(run)}
      {share !== null && <progress class="progress" value={share} max={1} aria-label={t("run.progress")} />}
    </span>
  );
}

function RunTable({ rows }: { rows: RunRow[] }) {
  const all = [...runs.value.values()];
  const columns = useMemo<Column<RunRow>[]>(
    () => [
      {
        id: "name",
        title: t("runs.name"),
        main: true,
        by: (run) => run.name,
        cell: (run) => (
          <span class="run-name">
            <input type="checkbox" tabIndex={-1} checked={chosen.value.has(run.id)} aria-label={t("runs.select", { name: run.name })} onChange={() => toggle(run)} />
            <a href={`#/run/${run.id}`} tabIndex={-1}>{run.name}</a>
          </span>
        ),
      },
      ...columnsOf(all),
    ],
    [runs.value, chosen.value, columnIds.value, language.value],
  );
  return (
    <Table
      label={t("app.runs")}
      columns={columns}
      rows={rows}
      rowKey={(run) => run.id}
      sorting={sorting.value}
      onSort={(next) => (sorting.value = next)}
      onOpen={(run) => navigate(`/run/${run.id}`)}
      onToggle={toggle}
      selected={(run) => chosen.value.has(run.id)}
    />
  );
}
