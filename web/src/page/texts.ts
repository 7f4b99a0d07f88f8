/** Every word the page says by itself (what stands still is in index.html), in one place. */
import type { Progress } from '../lib/index.js';

const plural = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;

export const texts = {
  ready: 'Ready.',
  loadFailed: 'The detector could not be loaded. Check the connection and reload the page.',
  notAFile: 'There was no picture in that. Drop or paste an image file.',

  pasted: (count: number) => `Pasted picture ${count}`,
  size: (width: number, height: number) => `${width} × ${height}`,
  counts: (filled: number, empty: number) => `${filled} filled, ${empty} empty, ${filled + empty} in all`,
  news: (name: string, filled: number, empty: number) => `${name}: ${texts.counts(filled, empty)}.`,
  nothing: 'No checkbox was found on this picture.',
  sum({ done, failed, all }: { done: number; failed: number; all: number }): string {
    if (done + failed < all) return `${done + failed} of ${all} done`;
    return failed > 0 ? `${done} of ${all} counted` : `${all} pictures together`;
  },
  failures: (names: string[]) =>
    `${plural(names.length, 'picture', 'pictures')} could not be counted: ${names.join(', ')}.`,

  box: (filled: boolean, confidence: number) =>
    `${filled ? 'Filled' : 'Empty'}, ${(confidence * 100).toFixed(1)}% sure`,
  overlay: (filled: number, empty: number) => `Boxes found: ${texts.counts(filled, empty)}`,
  zoom: (scale: number) => `${Math.round(scale * 100)}%`,

  drawing: 'This browser cannot show this kind of picture; the detector is drawing it…',
  drawn: 'This browser cannot show this kind of picture. This is how the detector drew it.',
  notDrawn: 'This browser cannot show this kind of picture. The counts are right all the same.',

  states: { waiting: 'waiting', failed: 'not counted' },

  progress(progress: Progress): string {
    switch (progress.phase) {
      case 'waiting':
        return 'Waiting for the picture before…';
      case 'loading':
        return progress.total
          ? `Loading the detector… ${Math.floor((100 * progress.loaded) / progress.total)}%`
          : 'Loading the detector…';
      case 'starting':
        return 'Starting the detector…';
      case 'reading':
        return 'Reading the picture…';
      case 'detecting':
        return 'Looking for checkboxes…';
    }
  },

  /** Words for an error: the page's own for what happens around the detector, the detector's for what it says itself. */
  failure(code: string, detail: string): string {
    return failures[code] ?? `${detail.charAt(0).toUpperCase()}${detail.slice(1)}${/[.!?]$/.test(detail) ? '' : '.'}`;
  },
};

const failures: Record<string, string> = {
  unreadable_input: 'This file could not be read. Perhaps it was moved, or it is a folder.',
  load_failed: 'The detector could not be loaded. Check the connection and try again.',
  no_wasm: 'This browser cannot run the detector: it needs WebAssembly with SIMD, which every current browser has.',
  out_of_memory: 'There was not enough memory to count this picture.',
  crashed: 'The detector stopped while it was working on this picture. For the next one it starts afresh.',
  cancelled: 'Stopped before this picture was counted.',
};
