// What the whole page knows of the runs, and the one stream that keeps it fresh.
import { batch, effect, signal } from "@preact/signals";
import type { FindingEvent, PointsEvent, RunRow, Session, StatusEvent } from "./api";
import { address, decode, get } from "./client";

export const session = signal<Session | null>(null);
export const runs = signal<ReadonlyMap<number, RunRow>>(new Map());
export const runsLoaded = signal(false);
export const runsError = signal<unknown>(null);
export type Connection = "connecting" | "open" | "lost";
export const connection = signal<Connection>("connecting");

type Listener = {
  points?: (event: PointsEvent) => void;
  finding?: (event: FindingEvent) => void;
  status?: (event: StatusEvent) => void;
  /** A stream began: what came before it was not told. Also when a run was begun anew from an earlier step. */
  resumed?: () => void;
};

const listeners = new Map<Listener, readonly number[]>();
const watched = signal<string>("");

export async function loadRuns(): Promise<void> {
  try {
    const answer = await get<{ runs: RunRow[] }>("runs");
    batch(() => {
      runs.value = new Map(answer.runs.map((run) => [run.id, run]));
      runsLoaded.value = true;
      runsError.value = null;
    });
  } catch (error) {
    runsError.value = error;
  }
}

async function loadSession(): Promise<void> {
  try {
    session.value = await get<Session>("session");
  } catch {
    // The runs' own request shows what is wrong.
  }
}

/** Hear of new points, findings and states of these runs; call what is returned to stop. */
export function follow(ids: readonly number[], listener: Listener): () => void {
  listeners.set(listener, ids);
  watch();
  return () => {
    listeners.delete(listener);
    watch();
  };
}

function watch(): void {
  const ids = new Set([...listeners.values()].flat());
  watched.value = [...ids].sort((a, b) => a - b).join(",");
}

const LONGEST_WAIT = 15_000;
let source: EventSource | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let wait = 500;
let broken = false;

function connect(ids: string): void {
  source?.close();
  clearTimeout(timer);
  const stream = new EventSource(address("stream", ids ? { runs: ids } : {}));
  source = stream;
  stream.onopen = () => {
    connection.value = "open";
    wait = 500;
    for (const listener of listeners.keys()) listener.resumed?.();
    if (!broken) return;
    broken = false;
    void loadRuns();
    void loadSession();
  };
  stream.onerror = () => {
    // The browser tries again by itself only after some errors; closing makes this loop the only one.
    stream.close();
    if (source !== stream) return;
    broken = true;
    connection.value = "lost";
    timer = setTimeout(() => connect(watched.peek()), wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  };
  hear<RunRow>(stream, "runs", (row) => setRun(row));
  hear<PointsEvent>(stream, "points", (event) => tell(event.id, (listener) => listener.points?.(event)));
  hear<FindingEvent>(stream, "finding", (event) => tell(event.id, (listener) => listener.finding?.(event)));
  hear<{ id: number }>(stream, "reset", (event) => tell(event.id, (listener) => listener.resumed?.()));
  hear<{ id: number }>(stream, "gone", (event) => {
    const next = new Map(runs.peek());
    next.delete(event.id);
    runs.value = next;
  });
  hear<StatusEvent>(stream, "status", (event) => {
    const run = runs.peek().get(event.id);
    if (run) setRun({ ...run, status: event.status });
    tell(event.id, (listener) => listener.status?.(event));
  });
}

function hear<T>(stream: EventSource, name: string, act: (data: T) => void): void {
  stream.addEventListener(name, (event) => act(decode((event as MessageEvent<string>).data) as T));
}

function tell(id: number, act: (listener: Listener) => void): void {
  for (const [listener, ids] of listeners) if (ids.includes(id)) act(listener);
}

function setRun(row: RunRow): void {
  const next = new Map(runs.peek());
  next.set(row.id, row);
  runs.value = next;
}

export function start(): void {
  void loadSession();
  void loadRuns();
  effect(() => connect(watched.value));
  addEventListener("online", () => connect(watched.peek()));
}
