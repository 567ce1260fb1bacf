import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button, TextInput } from "../components";
import { t } from "../i18n";
import type { ColumnInfo } from "./runs";

interface Props {
  all: readonly ColumnInfo[];
  shown: readonly string[];
  /** null: the usual ones again. */
  onChange: (ids: string[] | null) => void;
}

const GROUPS = ["run", "metric", "best", "config"] as const;

/** A button that opens the list of columns; Escape or a click beside it closes it. */
export function ColumnChooser({ all, shown, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    const leave = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    };
    addEventListener("pointerdown", leave);
    addEventListener("focusin", leave);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", leave);
      removeEventListener("focusin", leave);
      removeEventListener("keydown", escape);
    };
  }, [open]);

  return (
    <div class="popover-holder" ref={box}>
      <Button icon="columns" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>{t("runs.columns")}</Button>
      {open && (
        <div class="popover" id={id} role="group" aria-label={t("runs.columns")}>
          <Choices all={all} shown={shown} onChange={onChange} />
        </div>
      )}
    </div>
  );
}

function Choices({ all, shown, onChange }: Props) {
  const [filter, setFilter] = useState("");
  const fitting = all.filter((info) => info.title.toLowerCase().includes(filter.toLowerCase()));
  const toggle = (id: string, on: boolean) => onChange(on ? [...shown, id] : shown.filter((one) => one !== id));
  return (
    <>
      <TextInput hidden label={t("runs.columns.filter")} placeholder={t("runs.columns.filter")} value={filter} onChange={setFilter} />
      <div class="popover-list">
        {GROUPS.map((group) => {
          const infos = fitting.filter((info) => info.group === group);
          if (!infos.length) return null;
          return (
            <fieldset key={group}>
              <legend>{t(`runs.columns.${group}`)}</legend>
              {infos.map((info) => (
                <label key={info.id} class="choice">
                  <input type="checkbox" checked={shown.includes(info.id)} onChange={(event) => toggle(info.id, event.currentTarget.checked)} />
                  <span>{info.title}</span>
                </label>
              ))}
            </fieldset>
          );
        })}
        {!fitting.length && <p class="hint">{t("runs.columns.none")}</p>}
      </div>
      <Button kind="quiet" icon="reset" onClick={() => onChange(null)}>{t("runs.columns.reset")}</Button>
    </>
  );
}
