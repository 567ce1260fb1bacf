/** Asks the worker where the boxes of a graph go. */

/** Which way the values flow in the picture. */
export type Direction = "right" | "down";

export interface Question {
  ticket: number;
  direction: Direction;
  boxes: { key: string; width: number; height: number; parent: string }[];
  groups: { path: string; parent: string }[];
  lines: { from: string; to: string }[];
}

export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Placed {
  ticket: number;
  width: number;
  height: number;
  /** The middles and sizes of boxes and open groups, by key. */
  boxes: Record<string, Place>;
  /** The bends of each line, in the order of the question. */
  lines: { x: number; y: number }[][];
  failed?: string;
}

/** A worker that answers the newest question; older ones that are still open are dropped. */
export class Placer {
  private readonly worker: Worker;
  private ticket = 0;
  private waiting: ((placed: Placed) => void) | null = null;

  constructor(address: URL) {
    this.worker = new Worker(address, { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<Placed>) => {
      if (data.ticket === this.ticket) this.waiting?.(data);
    };
  }

  ask(question: Omit<Question, "ticket">, answer: (placed: Placed) => void): void {
    this.ticket += 1;
    this.waiting = answer;
    this.worker.postMessage({ ...question, ticket: this.ticket });
  }

  close(): void {
    this.worker.terminate();
  }
}
