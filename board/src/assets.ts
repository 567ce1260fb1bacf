/** The address of a built file: all of them lie in one folder, chunks and workers beside main.js. */
export function asset(name: string): URL {
  return new URL(name, import.meta.url);
}
