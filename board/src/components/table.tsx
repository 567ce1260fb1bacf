import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "./button";

export type Cell = string | number | null | undefined;

export interface Column<T> {
  id: string;
  title: string;
  cell: (row: T) => ComponentChildren;
  /** What rows are sorted by; without it the column cannot be sorted. */
  by?: (row: T) => Cell;
  numeric?: boolean;
  /** Stands alone on the first line of a card, where the screen is narrow. */
  main?: boolean;
}

export interface Sorting {
  column: string;
  descending: boolean;
}

interface TableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string | number;
  sorting?: Sorting | null;
  onSort?: (sorting: Sorting) => void;
  onOpen?: (row: T) => void;
  onToggle?: (row: T) => void;
  selected?: (row: T) => boolean;
}

/** Rows in order; what is missing comes last in either direction. */
export function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], sorting: Sorting | null | undefined): readonly T[] {
  const by = sorting && columns.find((column) => column.id === sorting.column)?.by;
  if (!by) return rows;
  const turn = sorting.descending ? -1 : 1;
  const gone = (cell: Cell) => cell === null || cell === undefined || (typeof cell === "number" && Number.isNaN(cell));
  return [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    if (gone(x) || gone(y)) return Number(gone(x)) - Number(gone(y));
    if (typeof x === "number" && typeof y === "number") return turn * (x - y);
    return turn * String(x).localeCompare(String(y), undefined, { numeric: true });
  });
}

/**
 * A table that the arrow keys walk row by row: Enter opens, Space selects.
 * Below 640 px each row is a card with its columns' titles inside.
 */
export function Table<T>(props: TableProps<T>) {
  const { label, columns, rowKey, sorting, onSort, onOpen, onToggle, selected } = props;
  const rows = useMemo(() => sorted(props.rows, columns, sorting), [props.rows, columns, sorting]);
  const [focus, setFocus] = useState(0);
  const body = useRef<HTMLTableSectionElement>(null);
  const at = Math.min(focus, rows.length - 1);

  const press = (event: KeyboardEvent, row: T, index: number) => {
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (event.target !== event.currentTarget) {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    } else if (event.key === "Enter" && onOpen) return onOpen(row);
    else if (event.key === " " && onToggle) {
      event.preventDefault();
      return onToggle(row);
    }
    if (to === undefined || to < 0 || to >= rows.length) return;
    event.preventDefault();
    setFocus(to);
    (body.current?.children[to] as HTMLElement | undefined)?.focus();
  };

  return (
    <div class="table-frame">
      <table class={`table${onOpen ? " openable" : ""}`} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.id} column={column} sorting={sorting ?? null} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.map((row, index) => (
            <tr
              key={rowKey(row)}
              tabIndex={index === at && (onOpen || onToggle) ? 0 : -1}
              aria-selected={selected ? selected(row) : undefined}
              onFocus={() => setFocus(index)}
              onKeyDown={(event) => press(event, row, index)}
              onClick={(event) => {
                if (onOpen && !(event.target as Element).closest("a, button, input, label")) onOpen(row);
              }}
            >
              {columns.map((column) => (
                <td key={column.id} data-title={column.title} class={`${column.numeric ? "numeric" : ""}${column.main ? " main" : ""}`}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadProps<T> {
  column: Column<T>;
  sorting: Sorting | null;
  onSort: ((sorting: Sorting) => void) | undefined;
}

function Head<T>({ column, sorting, onSort }: HeadProps<T>) {
  const here = sorting?.column === column.id ? sorting : null;
  const order = here ? (here.descending ? "descending" : "ascending") : "none";
  const sortable = column.by && onSort;
  return (
    <th scope="col" class={column.numeric ? "numeric" : undefined} aria-sort={sortable ? order : undefined}>
      {sortable ? (
        <button
          type="button"
          class={`sort ${order}`}
          onClick={() => onSort({ column: column.id, descending: here ? !here.descending : Boolean(column.numeric) })}
        >
          {column.title}
          <Icon name="down" />
        </button>
      ) : (
        column.title
      )}
    </th>
  );
}
