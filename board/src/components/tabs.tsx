import { useRef } from "preact/hooks";

export interface Tab {
  id: string;
  text: string;
  /** A small number after the text. */
  count?: number;
}

interface TabsProps {
  label: string;
  tabs: readonly Tab[];
  current: string;
  /** The id of the element that shows the chosen tab. */
  panel: string;
  onSelect: (id: string) => void;
}

/** A row of tabs; arrow keys, Home and End walk it, and on a narrow screen it scrolls by itself. */
export function Tabs({ label, tabs, current, panel, onSelect }: TabsProps) {
  const list = useRef<HTMLDivElement>(null);

  const walk = (event: KeyboardEvent) => {
    const at = tabs.findIndex((tab) => tab.id === current);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    const tab = tabs[next];
    if (!tab) return;
    onSelect(tab.id);
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };

  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={walk}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`tab-${tab.id}`}
          aria-selected={tab.id === current}
          aria-controls={panel}
          tabIndex={tab.id === current ? 0 : -1}
          ref={(element) => {
            if (tab.id === current) element?.scrollIntoView({ block: "nearest", inline: "nearest" });
          }}
          onClick={() => onSelect(tab.id)}
        >
          {tab.text}
          {tab.count ? <span class="tab-count">{tab.count}</span> : null}
        </button>
      ))}
    </div>
  );
}
