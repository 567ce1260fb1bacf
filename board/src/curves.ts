// The courses of runs: loaded once, then grown by what the stream tells.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Points, Series } from "./api";
import { get } from "./client";
import type { Zoom } from "./components/chart";
import { follow } from "./store";

export type Courses = ReadonlyMap<number, Readonly<Record<string, Points>>>;

const POINTS = 1500;
/** From here on the server is asked again, which joins neighbouring points. */
const MOST = 2 * POINTS;

function grown(points: Points | undefined, fresh: readonly [number, number][]): Points {
  const { step, value, low = value, high = value } = points ?? { step: [], value: [] };
  const last = step.length ? (step[step.length - 1] as number) : -Infinity;
  const new_ = fresh.filter(([at]) => at > last);
  const values = new_.map(([, one]) => one);
  return {
    step: [...step, ...new_.map(([at]) => at)],
    value: [...value, ...values],
    low: [...low, ...values],
    high: [...high, ...values],
  };
}

interface State {
  courses: Courses;
  error: unknown;
  loading: boolean;
  reload: () => void;
}

/** The courses of these runs between the steps of `zoom`, kept up to date while the page shows them. */
export function useCourses(ids: readonly number[], zoom: Zoom): State {
  const [courses, setCourses] = useState<Courses>(new Map());
  const [error, setError] = useState<unknown>(null);
  const [loading, setLoading] = useState(true);
  const key = ids.join(",");
  const [from, to] = zoom ?? [null, null];
  const turn = useRef(0);

  const load = useCallback(
    async (which: readonly number[]) => {
      const mine = ++turn.current;
      // A step on either side, so that lines reach the edges of the picture.
      const query = { points: POINTS, from: from === null ? null : Math.floor(from) - 1, to: to === null ? null : Math.ceil(to) + 1 };
      try {
        const answers = await Promise.all(which.map((id) => get<Series>(`runs/${id}/series`, query)));
        if (mine !== turn.current) return;
        setCourses(new Map(which.map((id, i) => [id, answers[i]?.series ?? {}])));
        setError(null);
      } catch (reason) {
        if (mine === turn.current) setError(reason);
      }
      if (mine === turn.current) setLoading(false);
    },
    [from, to],
  );

  useEffect(() => {
    void load(ids);
    return () => {
      turn.current++;
    };
  }, [key, load]);

  useEffect(() => {
    const again = () => void load(ids);
    return follow(ids, {
      resumed: again,
      points: ({ id, series }) =>
        setCourses((former) => {
          const own = { ...former.get(id) };
          for (const [name, fresh] of Object.entries(series)) own[name] = grown(own[name], fresh);
          if (Object.values(own).some((points) => points.step.length > MOST)) queueMicrotask(again);
          return new Map(former).set(id, own);
        }),
    });
  }, [key, load]);

  return { courses, error, loading, reload: () => void load(ids) };
}

const PARTS = ["valid", "test"] as const;
export type Part = "train" | (typeof PARTS)[number];

/** A series' name apart: "valid_loss" -> ["valid", "loss"], "loss" -> ["train", "loss"]. */
export function apart(name: string): [Part, string] {
  for (const part of PARTS) if (name.startsWith(`${part}_`)) return [part, name.slice(part.length + 1)];
  return ["train", name];
}

const FIRST = ["loss", "accuracy"];
const LAST = ["rate", "seconds"];
const HIDDEN = new Set(["epoch", "epochs", "step"]);

/** The metrics of these series in the order of their charts: loss and accuracy first, the rate and the time last. */
export function metricsOf(names: Iterable<string>): string[] {
  const found = new Set([...names].filter((name) => !HIDDEN.has(name)).map((name) => apart(name)[1]));
  const place = (name: string) => {
    if (FIRST.includes(name)) return FIRST.indexOf(name) - 10;
    return LAST.includes(name) ? LAST.indexOf(name) + 10 : 0;
  };
  return [...found].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}
