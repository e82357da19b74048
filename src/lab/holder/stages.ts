/** Stages of a start, with their progress told to whoever listens. */
import { messageOf } from '../../errors.ts';
import type { StageEvent } from '../protocol.ts';

/** One stage's counter. */
export interface StageProgress {
  /** Counts finished objects. */
  step(detail?: string): void;
  /** Says what is being waited for. */
  detail(text: string): void;
}

/** See the file's comment. */
export class Stages {
  readonly #events = new Map<string, StageEvent>();
  readonly #listeners = new Set<(event: StageEvent) => void>();

  /** The latest event of each stage, in the order in which they began. */
  get events(): readonly StageEvent[] {
    return [...this.#events.values()];
  }

  /** Tells of every event from now on, until the returned function is called. */
  listen(listener: (event: StageEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs a stage of `total` objects. What it throws is told and thrown on. */
  async run<T>(stage: string, total: number, body: (progress: StageProgress) => Promise<T>): Promise<T> {
    const began = performance.now();
    let done = 0;
    let detail = '';
    const tell = (state: StageEvent['state']) => {
      const milliseconds = Math.round(performance.now() - began);
      const event: StageEvent = { kind: 'stage', stage, state, done, total, detail, milliseconds };
      this.#events.set(stage, event);
      for (const listener of this.#listeners) listener(event);
    };
    tell('running');
    try {
      const result = await body({
        step: (text = '') => {
          done++;
          detail = text;
          tell('running');
        },
        detail: (text) => {
          if (text === detail) return;
          detail = text;
          tell('running');
        },
      });
      detail = '';
      tell('done');
      return result;
    } catch (error) {
      detail = messageOf(error);
      tell('failed');
      throw error;
    }
  }
}
