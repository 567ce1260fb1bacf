import { computed, effect, signal } from "@preact/signals";
import { stored } from "./stored";

export type Theme = "light" | "dark";

const query = matchMedia("(prefers-color-scheme: dark)");
const system = signal<Theme>(query.matches ? "dark" : "light");
query.addEventListener("change", (event) => {
  system.value = event.matches ? "dark" : "light";
});

const chosen = stored<Theme | null>("theme", null);

export const theme = computed<Theme>(() => chosen.value ?? system.value);

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

/** The other theme; back to the system's own when that is what was asked for. */
export function toggleTheme(): void {
  const next = theme.value === "dark" ? "light" : "dark";
  chosen.value = next === system.value ? null : next;
}

let probe: HTMLElement | null = null;
const known = new Map<string, string>();
let knownFor: Theme | null = null;

/**
 * The colour that a CSS variable has now, for a canvas: colour("--s1") -> "rgb(...)".
 * Reading it subscribes to the theme.
 */
export function colour(name: string): string {
  if (knownFor !== theme.value) {
    known.clear();
    knownFor = theme.value;
  }
  let value = known.get(name);
  if (value === undefined) {
    if (!probe) {
      probe = document.createElement("span");
      probe.hidden = true;
      document.body.append(probe);
    }
    probe.style.color = `var(${name})`;
    value = getComputedStyle(probe).color;
    known.set(name, value);
  }
  return value;
}

export const stillness = matchMedia("(prefers-reduced-motion: reduce)");
