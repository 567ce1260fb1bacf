/** The playground's training: one network on the server, advanced in chunks, never with two requests on the way. */

import { batch, signal } from "@preact/signals";
import type { Boundary, Points, Text } from "../api";
import { post } from "../client";
import type { Spec } from "./playstate";

export interface Unit {
  bias: number;
  weights: number[];
  response: number[];
}

export interface PlayFinding {
  fault: string;
  where: string;
  text: Text;
}

export interface Frame {
  step: number;
  loss: number;
  test_loss: number | null;
  /** Null where values are fitted rather than classes told apart. */
  accuracy: number | null;
  test_accuracy: number | null;
  hash: string;
  boundary: Boundary | null;
  units: Unit[][];
  findings: PlayFinding[];
}

export interface Made {
  id: number | string;
  spec: Spec;
  parameters: number;
  yaml: string;
  python: string;
  frame: Frame;
}

export interface Course {
  loss: Points;
  test_loss: Points;
}

export const SPEEDS = [1, 10, 50, 200] as const;

// Longer courses lose every other point: a curve on a screen is no wider than this.
const MOST_POINTS = 1200;

const NOTHING: Course = { loss: { step: [], value: [] }, test_loss: { step: [], value: [] } };

function grown(points: Points, step: number, value: number): Points {
  const thin = points.step.length >= MOST_POINTS;
  const keep = (_: number, index: number): boolean => !thin || index % 2 === 0;
  return { step: [...points.step.filter(keep), step], value: [...points.value.filter(keep), value] };
}

export class Play {
  readonly made = signal<Made | null>(null);
  readonly frame = signal<Frame | null>(null);
  readonly course = signal<Course>(NOTHING);
  readonly playing = signal(false);
  readonly busy = signal(false);
  readonly error = signal<unknown>(null);
  readonly stride = signal<number>(10);
  private spec: Spec | null = null;
  private turn = 0;
  private work: Promise<void> = Promise.resolve();

  /** Does one thing after the other; what was asked for an earlier network is dropped. */
  private queue(task: (turn: number) => Promise<void>): Promise<void> {
    const turn = this.turn;
    this.work = this.work.then(async () => {
      if (turn !== this.turn) return;
      this.busy.value = true;
      try {
        await task(turn);
      } catch (error) {
        if (turn === this.turn) this.failed(error);
      } finally {
        this.busy.value = false;
      }
    });
    return this.work;
  }

  private failed(error: unknown): void {
    batch(() => {
      this.error.value = error;
      this.playing.value = false;
    });
  }

  /** Begins anew with a network of these choices, from its first weights. */
  make(spec: Spec): Promise<void> {
    this.spec = spec;
    this.turn += 1;
    return this.queue(async (turn) => {
      await this.close();
      const made = await post<Made>("playground", { spec });
      if (turn !== this.turn) return void this.discard(made.id);
      batch(() => {
        this.error.value = null;
        this.made.value = made;
        this.course.value = NOTHING;
        this.show(made.frame);
      });
    }).then(() => this.again());
  }

  reset(): void {
    if (this.spec) void this.make(this.spec);
  }

  advance(steps: number): Promise<void> {
    return this.queue(async (turn) => {
      const made = this.made.value;
      if (!made) return;
      const frame = await post<Frame>(`playground/${made.id}/advance`, { steps });
      if (turn === this.turn) this.show(frame);
    });
  }

  play(): void {
    if (this.playing.value) return;
    this.playing.value = true;
    this.again();
  }

  pause(): void {
    this.playing.value = false;
  }

  /** The next chunk, once the page has painted the last one. */
  private again(): void {
    if (!this.playing.value) return;
    const turn = this.turn;
    requestAnimationFrame(() => {
      if (!this.playing.value || turn !== this.turn || this.busy.value) return;
      void this.advance(this.stride.value).then(() => this.again());
    });
  }

  private show(frame: Frame): void {
    batch(() => {
      this.frame.value = frame;
      const { loss, test_loss } = this.course.value;
      this.course.value = {
        loss: grown(loss, frame.step, frame.loss),
        test_loss: frame.test_loss === null ? test_loss : grown(test_loss, frame.step, frame.test_loss),
      };
    });
  }

  private async close(): Promise<void> {
    const made = this.made.value;
    this.made.value = null;
    if (made) await this.discard(made.id);
  }

  private async discard(id: Made["id"]): Promise<void> {
    try {
      await post(`playground/${id}/close`);
    } catch {
      // One that the server has already let go needs no closing.
    }
  }

  /** The page is left: nothing more is asked for, and the server may let the network go. */
  leave(): void {
    this.pause();
    this.turn += 1;
    void this.work.then(() => this.close());
  }
}
