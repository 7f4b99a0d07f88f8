/** Undo and redo: which page's corrections were what before and after. Plain data and pure functions. */
import type { Corrections } from './boxes.js';

export interface Change {
  readonly page: number;
  readonly before: Corrections;
  readonly after: Corrections;
  /** Consecutive changes of the same page with the same mark are one step, such as a box moved pixel by pixel. */
  readonly merge?: string | undefined;
}

export interface History {
  readonly past: readonly Change[];
  readonly future: readonly Change[];
}

export const noHistory: History = { past: [], future: [] };

export function record({ past }: History, change: Change): History {
  const last = past.at(-1);
  if (last && change.merge !== undefined && last.merge === change.merge && last.page === change.page) {
    return { past: [...past.slice(0, -1), { ...change, before: last.before }], future: [] };
  }
  return { past: [...past, change], future: [] };
}

/** The history one step back, and the change to be taken back; undefined where there is none. */
export function undo({ past, future }: History): [History, Change] | undefined {
  const change = past.at(-1);
  return change && [{ past: past.slice(0, -1), future: [change, ...future] }, change];
}

/** The history one step forward, and the change to be made again; undefined where there is none. */
export function redo({ past, future }: History): [History, Change] | undefined {
  const [change, ...rest] = future;
  return change && [{ past: [...past, change], future: rest }, change];
}
