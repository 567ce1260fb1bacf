import type { RunDetail } from "../api";

/** What each tab of a run's page is given. */
export interface RunViewProps {
  run: RunDetail;
  /** The id of the checkpoint that the slider above the view stands at; null when there is none. */
  checkpoint: number | null;
}
