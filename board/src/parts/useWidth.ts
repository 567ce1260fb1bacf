/** The width that is there for a drawing. */

import { useEffect, useRef, useState } from "preact/hooks";

export function useWidth<T extends Element>(first: number): [{ current: T | null }, number] {
  const element = useRef<T>(null);
  const [width, setWidth] = useState(first);
  useEffect(() => {
    if (!element.current) return;
    const watcher = new ResizeObserver(([entry]) => entry && setWidth(Math.max(Math.round(entry.contentRect.width), 40)));
    watcher.observe(element.current);
    return () => watcher.disconnect();
  }, []);
  return [element, width];
}
