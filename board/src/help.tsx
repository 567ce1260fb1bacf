import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "./components";
import { type Key, t, toggleLanguage } from "./i18n";
import { navigate } from "./router";
import { toggleTheme } from "./theme";

export const help = signal(false);

const GROUPS: [Key, [string, Key][]][] = [
  ["help.everywhere", [["?", "help.help"], ["r", "help.runs"], ["n", "help.new"], ["p", "help.playground"], ["d", "help.theme"], ["l", "help.language"]]],
  ["help.table", [["/", "help.filter"], ["↑ ↓", "help.row"], ["Enter", "help.open"], ["Space", "help.select"]]],
  ["help.run", [["[ ]", "help.tab"]]],
  ["help.chart", [["← →", "help.cursor"], ["+ −", "help.zoom"], ["0", "help.reset"]]],
];

const ACTS: Record<string, () => void> = {
  "?": () => (help.value = !help.value),
  r: () => navigate("/"),
  n: () => navigate("/new"),
  p: () => navigate("/playground"),
  d: toggleTheme,
  l: toggleLanguage,
  "/": () => document.querySelector<HTMLElement>("input[type=search]")?.focus(),
  "[": () => walk(-1),
  "]": () => walk(1),
};

function walk(by: number): void {
  const tabs = [...document.querySelectorAll<HTMLElement>("[data-page-tabs] [role=tab]")];
  const at = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  tabs[(at + by + tabs.length) % tabs.length]?.click();
}

function typing(target: EventTarget | null): boolean {
  const element = target instanceof HTMLElement ? target : null;
  return Boolean(element?.closest("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]"));
}

/** Listen to the keys that work on every page; returns how to stop. */
export function shortcuts(): () => void {
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = ACTS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  addEventListener("keydown", press);
  return () => removeEventListener("keydown", press);
}

export function HelpDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="help-title"
      onClose={() => (help.value = false)}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id="help-title">{t("help.title")}</h2>
          <Button kind="quiet" icon="close" label={t("help.close")} onClick={() => dialog.current?.close()} />
        </div>
        <div class="help-groups">
          {GROUPS.map(([title, entries]) => (
            <section key={title}>
              <h3>{t(title)}</h3>
              <dl>
                {entries.map(([key, text]) => (
                  <div key={key}>
                    <dt>{key.split(" ").map((one) => <kbd key={one}>{one}</kbd>)}</dt>
                    <dd>{t(text)}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
      </div>
    </dialog>
  );
}
