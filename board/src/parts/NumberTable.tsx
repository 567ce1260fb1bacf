/** Numbers as numbers. */

import type { VNode } from "preact";
import { value as short } from "../format";
import type { Grid } from "./grid";

const MOST = 32;

/** `grid` as a table of at most 32 rows and columns; `more` says what is left off. */
export function NumberTable({ grid, caption, more }: { grid: Grid; caption: string; more: string }): VNode {
  const rows = Math.min(grid.rows, MOST);
  const columns = Math.min(grid.columns, MOST);
  const cut = rows < grid.rows || columns < grid.columns;
  return (
    <div class="number-table" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <td />
            {Array.from({ length: columns }, (_, column) => (
              <th key={column} scope="col">{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: rows }, (_, row) => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {Array.from({ length: columns }, (_, column) => (
                <td key={column}>{short(grid.values[row * grid.columns + column])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {cut && <p class="note">{more}</p>}
    </div>
  );
}
