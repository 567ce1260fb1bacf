import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ErrorBox, Skeleton } from "./components/states";

/** A view whose code is loaded when it is first shown. */
export function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let ready: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, turn] = useState(0);
    const [error, setError] = useState<unknown>(null);
    useEffect(() => {
      if (ready) return;
      let here = true;
      load().then(
        (module) => {
          ready = module.default;
          if (here) turn((n) => n + 1);
        },
        (reason: unknown) => here && setError(reason),
      );
      return () => {
        here = false;
      };
    }, []);
    if (error) return <ErrorBox error={error} retry={() => location.reload()} />;
    const View = ready;
    return View ? <View {...props} /> : <Skeleton lines={6} />;
  };
}
