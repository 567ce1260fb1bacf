import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A label above one control. */
export function Field({ label, hint, children }: { label: string; hint?: string; children: (id: string) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {hint && <p class="hint">{hint}</p>}
    </div>
  );
}

interface SliderProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  /** How the value is told, beside the label and to screen readers. */
  show?: (value: number) => string;
  onChange: (value: number) => void;
  disabled?: boolean;
}

export function Slider({ label, value, min, max, step = 1, show = String, onChange, disabled }: SliderProps) {
  const id = useId();
  const share = max > min ? (value - min) / (max - min) : 0;
  return (
    <div class="slider">
      <div class="slider-head">
        <label for={id}>{label}</label>
        <output for={id}>{show(value)}</output>
      </div>
      <input
        id={id}
        type="range"
        {...{ min, max, step, value, disabled }}
        style={{ "--share": `${share * 100}%` }}
        aria-valuetext={show(value)}
        onInput={(event) => onChange(Number(event.currentTarget.value))}
      />
    </div>
  );
}

export interface Option<T extends string | number> {
  value: T;
  text: string;
  disabled?: boolean;
}

interface Choice<T extends string | number> {
  label: string;
  value: T;
  options: readonly Option<T>[];
  onChange: (value: T) => void;
}

export function Select<T extends string | number>({ label, value, options, onChange, hidden }: Choice<T> & { hidden?: boolean }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={hidden ? "visually-hidden" : undefined}>{label}</label>
      <select
        id={id}
        value={String(value)}
        onChange={(event) => {
          const chosen = options.find((option) => String(option.value) === event.currentTarget.value);
          if (chosen) onChange(chosen.value);
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={String(option.value)} disabled={option.disabled}>{option.text}</option>
        ))}
      </select>
    </div>
  );
}

/** A few options side by side; the arrow keys walk, as in any group of radio buttons. */
export function Segmented<T extends string | number>({ label, value, options, onChange }: Choice<T>) {
  const name = useId();
  return (
    <div class="segmented" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.value} class={option.value === value ? "chosen" : undefined}>
          <input
            type="radio"
            name={name}
            checked={option.value === value}
            disabled={option.disabled}
            onChange={() => onChange(option.value)}
          />
          <span>{option.text}</span>
        </label>
      ))}
    </div>
  );
}

export function Switch({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label class="switch">
      <input type="checkbox" role="switch" checked={on} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

interface TextInputProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  hidden?: boolean;
  type?: "text" | "search" | "number";
  invalid?: boolean;
  hint?: string;
}

export function TextInput({ label, value, onChange, placeholder, hidden, type = "text", invalid, hint }: TextInputProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={hidden ? "visually-hidden" : undefined}>{label}</label>
      <input
        id={id}
        {...(type === "search" ? { type: "search" as const } : { type: "text" as const, inputMode: type === "number" ? "decimal" : undefined })}
        value={value}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={invalid || undefined}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}
