/** Boxes of one page: what the network found, filtered by the threshold, with what a person has corrected. Pure functions. */
import type { BoundingBox, CheckboxClass, DetectionResult } from '../lib/types.js';

/** What a person changed on a page. Detections go by their index in the result, so the threshold may move meanwhile. */
export interface Corrections {
  readonly flipped: ReadonlySet<number>;
  readonly removed: ReadonlySet<number>;
  /** Looked at and found right: no longer uncertain, and there whatever the threshold. */
  readonly kept: ReadonlySet<number>;
  readonly drawn: readonly DrawnBox[];
}

export interface DrawnBox {
  readonly id: string;
  readonly class: CheckboxClass;
  readonly bbox: BoundingBox;
}

export interface Box {
  /** Stays the same through every correction: `n12` is detection 12, `d0` the first box drawn. */
  readonly id: string;
  readonly class: CheckboxClass;
  readonly bbox: BoundingBox;
  /** 0 to 1; of a box drawn by hand 1. */
  readonly confidence: number;
  readonly source: 'network' | 'flipped' | 'drawn';
  readonly kept: boolean;
}

export type Edit =
  | { kind: 'flip' | 'remove' | 'keep'; id: string }
  | { kind: 'draw'; class: CheckboxClass; bbox: BoundingBox }
  /** Only boxes drawn by hand move. */
  | { kind: 'move'; id: string; bbox: BoundingBox };

/** The confidence down to which the network is asked, so that the threshold can be lowered without asking it again. */
export const LEAST_CONF = 0.1;
/** So much above the threshold a box is worth a second look. */
const UNCERTAIN = 0.3;

export const uncorrected: Corrections = { flipped: new Set(), removed: new Set(), kept: new Set(), drawn: [] };

/** The boxes that count, in the network's reading order, those drawn by hand after them. */
export function boxesOf({ detections }: DetectionResult, corrections: Corrections, threshold: number): Box[] {
  const found = detections.flatMap((detection, index): Box[] => {
    const flipped = corrections.flipped.has(index);
    const kept = flipped || corrections.kept.has(index);
    if (corrections.removed.has(index) || (!kept && detection.confidence < threshold)) return [];
    return [
      {
        id: `n${index}`,
        class: flipped ? other(detection.class) : detection.class,
        bbox: detection.bbox,
        confidence: detection.confidence,
        source: flipped ? 'flipped' : 'network',
        kept,
      },
    ];
  });
  const drawn = corrections.drawn.map((box): Box => ({ ...box, confidence: 1, source: 'drawn', kept: true }));
  return [...found, ...drawn];
}

export function other(kind: CheckboxClass): CheckboxClass {
  return kind === 'filled_checkbox' ? 'empty_checkbox' : 'filled_checkbox';
}

/** The corrections after one more. Ids that are not there change nothing. */
export function correct(corrections: Corrections, edit: Edit): Corrections {
  if (edit.kind === 'draw') {
    // One more than the highest so far: an id is not given twice on a page, also after a removal.
    const serial = Math.max(-1, ...corrections.drawn.map(({ id }) => Number(id.slice(1)))) + 1;
    return { ...corrections, drawn: [...corrections.drawn, { id: `d${serial}`, class: edit.class, bbox: edit.bbox }] };
  }
  if (edit.id.startsWith('d')) {
    const drawn = corrections.drawn.flatMap((box) => {
      if (box.id !== edit.id) return [box];
      if (edit.kind === 'remove') return [];
      if (edit.kind === 'flip') return [{ ...box, class: other(box.class) }];
      return edit.kind === 'move' ? [{ ...box, bbox: edit.bbox }] : [box];
    });
    return { ...corrections, drawn };
  }
  const index = Number(edit.id.slice(1));
  switch (edit.kind) {
    case 'flip':
      // Flipped back, it is what the network said, and a person has said so too.
      return {
        ...corrections,
        flipped: toggled(corrections.flipped, index),
        kept: new Set(corrections.kept).add(index),
      };
    case 'remove':
      return { ...corrections, removed: new Set(corrections.removed).add(index) };
    case 'keep':
      return { ...corrections, kept: new Set(corrections.kept).add(index) };
    case 'move':
      return corrections;
  }
}

function toggled(set: ReadonlySet<number>, value: number): Set<number> {
  const next = new Set(set);
  if (!next.delete(value)) next.add(value);
  return next;
}

export interface Tally {
  filled: number;
  empty: number;
  total: number;
  /** Boxes whose state was flipped, that were removed, or drawn. */
  corrected: number;
  uncertain: number;
}

export const nothing: Tally = { filled: 0, empty: 0, total: 0, corrected: 0, uncertain: 0 };

export function tally(boxes: readonly Box[], corrections: Corrections, threshold: number): Tally {
  const filled = boxes.filter((box) => box.class === 'filled_checkbox').length;
  return {
    filled,
    empty: boxes.length - filled,
    total: boxes.length,
    corrected: corrections.removed.size + boxes.filter(({ source }) => source !== 'network').length,
    uncertain: boxes.filter((box) => isUncertain(box, threshold)).length,
  };
}

export function add(a: Tally, b: Tally): Tally {
  return {
    filled: a.filled + b.filled,
    empty: a.empty + b.empty,
    total: a.total + b.total,
    corrected: a.corrected + b.corrected,
    uncertain: a.uncertain + b.uncertain,
  };
}

/** Barely above the threshold, and nobody has looked at it yet. */
export function isUncertain({ kept, confidence }: Box, threshold: number): boolean {
  return !kept && confidence < threshold + UNCERTAIN;
}

/** The box after (or before) this one in a circle; the first one where none is selected. */
export function neighbour(boxes: readonly Box[], id: string | undefined, step: 1 | -1): Box | undefined {
  const at = boxes.findIndex((box) => box.id === id);
  if (at < 0) return step === 1 ? boxes[0] : boxes.at(-1);
  return boxes[(at + step + boxes.length) % boxes.length];
}

/**
 * Like `neighbour`, among the uncertain ones only; from a box that is not uncertain itself, the next one in reading order.
 */
export function nextUncertain(
  boxes: readonly Box[],
  id: string | undefined,
  threshold: number,
  step: 1 | -1,
): Box | undefined {
  const at = boxes.findIndex((box) => box.id === id);
  const start = at < 0 ? (step === 1 ? -1 : 0) : at;
  for (let distance = 1; distance <= boxes.length; distance++) {
    const box = boxes[(start + step * distance + 2 * boxes.length) % boxes.length];
    if (box && isUncertain(box, threshold)) return box;
  }
  return undefined;
}
