// Talks to the server: one function for what is read, one for what changes something.

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly who: string,
    readonly what: string,
    readonly fix: string,
    /** The same in Chinese, as far as the server knows it. */
    readonly zh: Partial<Record<"what" | "fix", string>> = {},
  ) {
    super(fix ? `${what}; ${fix}` : what);
  }
}

/** The server cannot be reached at all: it was stopped, or the connection broke. */
export class Unreachable extends Error {}

const SPOKEN: Record<string, number> = { NaN: Number.NaN, Infinity: Infinity, "-Infinity": -Infinity };

/** JSON whose numbers that JSON cannot hold travelled as strings; a run's name stays text whatever it says. */
export function decode(text: string): unknown {
  if (!text.includes('"NaN"') && !text.includes('Infinity"')) return JSON.parse(text);
  return JSON.parse(text, (key, value) =>
    typeof value === "string" && value in SPOKEN && key !== "name" ? SPOKEN[value] : value,
  );
}

async function answer<T>(path: string, options: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable(String(error));
  }
  const text = await response.text();
  if (response.ok) return decode(text) as T;
  let said: Partial<Refused> = {};
  try {
    said = (JSON.parse(text) as { error?: typeof said }).error ?? {};
  } catch {
    said = { what: text.slice(0, 300) };
  }
  throw refusal(response.status, said);
}

/** What the server says of a refusal: who, what is wrong, what to do. */
export type Refused = Pick<ApiError, "who" | "what" | "fix" | "zh">;

export function refusal(status: number, said: Partial<Refused>): ApiError {
  return new ApiError(status, said.who ?? "", said.what || `HTTP ${status}`, said.fix ?? "", said.zh);
}

export type Query = Record<string, string | number | boolean | null | undefined>;

/** An address below /api with its query; what is null or undefined is left out. */
export function address(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]));
  return `/api/${path}${pairs.length ? `?${search}` : ""}`;
}

/** Read JSON: `get<Graph>("runs/1/graph", { checkpoint: 2 })`. Throws ApiError or Unreachable. */
export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return answer<T>(address(path, query), signal ? { signal } : {});
}

/** Send JSON that changes something: `post<{ id: number }>("trainings", { recipe: "digits" })`. */
export function post<T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> {
  return answer<T>(address(path), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}
