import { computed, signal } from "@preact/signals";

export interface Route {
  /** The first part of the path: "", "run", "compare", "new", "playground", "draw". */
  name: string;
  /** What follows it: ["3", "graph"]. */
  parts: string[];
  /** All after the question mark, as it stands in the address. */
  query: string;
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export function parse(text: string): Route {
  const bare = text.replace(/^#?\/?/, "");
  const mark = bare.indexOf("?");
  const path = mark < 0 ? bare : bare.slice(0, mark);
  const [name = "", ...parts] = path.split("/").filter(Boolean).map(decode);
  return { name, parts, query: mark < 0 ? "" : bare.slice(mark + 1) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = computed(() => parse(hash.value));

/** Go to a hash route such as "/run/3/graph"; `replace` leaves no entry in the history. */
export function navigate(path: string, { replace = false } = {}): void {
  if (replace) {
    history.replaceState(null, "", `#${path}`);
    hash.value = location.hash;
  } else {
    location.hash = path;
  }
}

/** One value of the route's query. */
export function parameter(name: string): string | null {
  return new URLSearchParams(route.value.query).get(name);
}

/** Set values of the route's query in place; null takes one away. */
export function setParameters(changes: Record<string, string | null>): void {
  const { name, parts, query } = route.peek();
  const search = new URLSearchParams(query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) search.delete(key);
    else search.set(key, value);
  }
  const path = [name, ...parts].map(encodeURIComponent).join("/");
  navigate(`/${path}${search.size ? `?${search}` : ""}`, { replace: true });
}
