import { effect, signal, type Signal } from "@preact/signals";

/** A signal that the browser remembers; where storage is refused it forgets at reload, nothing worse. */
export function stored<T>(key: string, fallback: T): Signal<T> {
  const name = `tapegrad.${key}`;
  let first = fallback;
  try {
    const text = localStorage.getItem(name);
    if (text !== null) first = JSON.parse(text) as T;
  } catch {
    first = fallback;
  }
  const value = signal(first);
  effect(() => {
    try {
      localStorage.setItem(name, JSON.stringify(value.value));
    } catch {
      // A page without storage works all the same.
    }
  });
  return value;
}
