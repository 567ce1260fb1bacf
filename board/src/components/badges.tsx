import type { ComponentChildren } from "preact";
import type { Status } from "../api";
import { known, t } from "../i18n";

const TONES: Record<string, string> = {
  running: "live",
  finished: "good",
  interrupted: "warn",
  failed: "bad",
};

export function statusText(status: Status): string {
  const key = `status.${status}`;
  return known(key) ? t(key) : status;
}

/** A run's status as a word with a dot; the dot has a halo while the run is going on. */
export function StatusBadge({ status }: { status: Status }) {
  return <span class={`status ${TONES[status] ?? "calm"}`}>{statusText(status)}</span>;
}

export function Tag({ tone = "calm", children }: { tone?: "calm" | "good" | "warn" | "bad" | "accent"; children: ComponentChildren }) {
  return <span class={`tag ${tone}`}>{children}</span>;
}
