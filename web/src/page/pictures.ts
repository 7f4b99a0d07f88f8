/** The pictures on the page and what has become of them: plain data and pure functions, without the DOM. */
import type { DetectionResult, Progress } from '../lib/index.js';

export type State =
  | { kind: 'working'; progress: Progress }
  | { kind: 'done'; result: DetectionResult }
  | { kind: 'failed'; code: string; detail: string };

export interface Picture {
  readonly id: number;
  readonly name: string;
  readonly file: Blob;
  state: State;
}

export interface Sum {
  filled: number;
  empty: number;
  /** How many pictures are counted, how many failed, how many there are. */
  done: number;
  failed: number;
  all: number;
}

export function sum(pictures: readonly Picture[]): Sum {
  const total: Sum = { filled: 0, empty: 0, done: 0, failed: 0, all: pictures.length };
  for (const { state } of pictures) {
    if (state.kind === 'done') {
      total.filled += state.result.counts.filled_checkbox;
      total.empty += state.result.counts.empty_checkbox;
      total.done += 1;
    } else if (state.kind === 'failed') {
      total.failed += 1;
    }
  }
  return total;
}

/** Failures that may well not happen again. */
export function mayRetry(code: string): boolean {
  return ['load_failed', 'out_of_memory', 'crashed', 'cancelled', 'unreadable_input'].includes(code);
}
