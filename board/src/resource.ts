import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Resource<T> {
  data: T | undefined;
  error: unknown;
  loading: boolean;
  reload: () => void;
}

/**
 * What `load` gives for `key`, loaded anew when the key changes; null loads nothing.
 * The former answer stays until the new one is here, so that a slider does not make the page flicker.
 */
export function useResource<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ data: T | undefined; error: unknown; loading: boolean }>({
    data: undefined,
    error: null,
    loading: key !== null,
  });
  const [turn, setTurn] = useState(0);
  const loader = useRef(load);
  loader.current = load;

  useEffect(() => {
    if (key === null) return;
    const control = new AbortController();
    setState((former) => ({ ...former, error: null, loading: true }));
    loader.current(control.signal).then(
      (data) => {
        if (!control.signal.aborted) setState({ data, error: null, loading: false });
      },
      (error: unknown) => {
        if (!control.signal.aborted) setState((former) => ({ ...former, error, loading: false }));
      },
    );
    return () => control.abort();
  }, [key, turn]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  return { ...state, reload };
}
