import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";

const PATHS = {
  plus: "M8 3v10M3 8h10",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z",
  keyboard: "M1.5 4h13v8h-13zM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M4.5 9.5h7",
  copy: "M5.5 5.5h8v8h-8zM2.5 10.5v-8h8",
  check: "M3 8.5 6.5 12 13 4.5",
  close: "M4 4l8 8M12 4l-8 8",
  play: "M5 3v10l8-5Z",
  pause: "M5 3v10M11 3v10",
  stop: "M4 4h8v8H4z",
  columns: "M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10",
  chevron: "M6 3.5 10.5 8 6 12.5",
  down: "M3.5 6 8 10.5 12.5 6",
  left: "M10 3.5 5.5 8l4.5 4.5",
  reset: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3",
  compare: "M2 12c3 0 3-8 6-8s3 8 6 8M2 8h12",
  upload: "M8 11V3M4.5 6 8 2.5 11.5 6M3 13.5h10",
  step: "M3.5 3v10l6.5-5ZM12.5 3v10",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

type ButtonProps = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "label"> & {
  kind?: "primary" | "plain" | "quiet" | "danger";
  icon?: IconName;
  /** Said to those who do not see the icon, and shown when the pointer rests on it. */
  label?: string;
  children?: ComponentChildren;
};

/** A button; with an icon alone it needs a `label`. */
export function Button({ kind = "plain", icon, label, children, class: extra, ...rest }: ButtonProps) {
  const bare = children === undefined || children === null;
  return (
    <button
      type="button"
      class={`button ${kind}${bare ? " bare" : ""}${extra ? ` ${String(extra)}` : ""}`}
      aria-label={bare ? label : undefined}
      title={label}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** Puts a text on the clipboard and says that it did. */
export function CopyButton({ text, children, kind = "plain" }: { text: string; children?: ComponentChildren; kind?: "plain" | "quiet" }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <Button kind={kind} icon={done ? "check" : "copy"} onClick={() => void copy(text).then(setDone)}>
      <span aria-live="polite">{done ? t("common.copied") : (children ?? t("common.copy"))}</span>
    </Button>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard without a secure context: another machine's address over plain HTTP.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
