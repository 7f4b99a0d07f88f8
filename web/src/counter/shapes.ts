/** Geometry of the boxes over the picture: pure functions, in pixels of the picture. */
import type { BoundingBox, Detection } from '../lib/types.js';

export interface Shape {
  filled: boolean;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Corner radius: empty boxes are round-cornered, filled ones are not. */
  radius: number;
  /** Filled boxes carry a disc with a tick on their upper right corner. */
  badge?: { x: number; y: number; radius: number };
}

/** The outline keeps this distance from the printed box, in pixels of the screen. */
const GAP = 2;
/** The badge grows with the box between these radii, in pixels of the screen: seen when small, not in the way when large. */
const BADGE = { min: 3.5, max: 9, share: 0.3 };

/** @param scale pixels of the screen to a pixel of the picture */
export function shapeOf({ class: kind, bbox }: Pick<Detection, 'class' | 'bbox'>, scale: number): Shape {
  const gap = GAP / scale;
  const width = bbox.x2 - bbox.x1 + 2 * gap;
  const height = bbox.y2 - bbox.y1 + 2 * gap;
  const shape = { x: bbox.x1 - gap, y: bbox.y1 - gap, width, height };
  const side = Math.min(width, height);
  if (kind === 'empty_checkbox') return { ...shape, filled: false, radius: side * 0.32 };
  const radius = Math.min(Math.max(side * scale * BADGE.share, BADGE.min), BADGE.max) / scale;
  return { ...shape, filled: true, radius: 0, badge: { x: shape.x + width, y: shape.y, radius } };
}

/** Whether most boxes are so small on the screen that thinner lines serve them better. */
export function areFine(detections: readonly Pick<Detection, 'bbox'>[], scale: number): boolean {
  const sides = detections.map(({ bbox }) => Math.min(bbox.x2 - bbox.x1, bbox.y2 - bbox.y1)).sort((a, b) => a - b);
  return (sides[Math.floor(sides.length / 2)] ?? 0) * scale < 11;
}

/** The scale at which a picture fits into a frame; small pictures are enlarged up to three times. */
export function fitScale(picture: { width: number; height: number }, frame: { width: number; height: number }): number {
  return Math.max(0.01, Math.min(frame.width / picture.width, frame.height / picture.height, 3));
}

/** The next step in or out, kept between a tenth of the fitting scale and eight pixels to one. */
export function stepScale(scale: number, fit: number, direction: 1 | -1): number {
  return Math.min(Math.max(scale * 1.4 ** direction, fit / 10), Math.max(8, fit));
}

/** Pixels on the long side of a PDF page of ordinary shape: a little more than the detector looks at, so that nothing is enlarged. */
const PDF_SIDE = 1650;

/**
 * The scale at which a PDF page is drawn. A page much longer than wide gets as many pixels across as an ordinary one,
 * because the detector cuts it into tiles; but never more than any browser's canvas holds.
 */
export function pdfScale({ width, height }: { width: number; height: number }): number {
  const long = Math.max(width, height);
  const side = PDF_SIDE * Math.max(1, long / Math.min(width, height) / 2);
  return Math.min(side, 8192) / long;
}

/**
 * The box under a point, or within `reach` pixels of it: small boxes are hard to hit with a finger.
 * @returns of several the one whose middle is nearest
 */
export function hit<Item extends { bbox: BoundingBox }>(
  boxes: readonly Item[],
  point: { x: number; y: number },
  reach: number,
): Item | undefined {
  let nearest: Item | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const box of boxes) {
    const { x1, y1, x2, y2 } = box.bbox;
    const outside = Math.max(x1 - point.x, point.x - x2, y1 - point.y, point.y - y2);
    const distance = Math.hypot((x1 + x2) / 2 - point.x, (y1 + y2) / 2 - point.y);
    if (outside <= reach && distance < least) [nearest, least] = [box, distance];
  }
  return nearest;
}

/** A rectangle by two of its corners, kept within the picture. */
export function rectangle(
  a: { x: number; y: number },
  b: { x: number; y: number },
  { width, height }: { width: number; height: number },
): BoundingBox {
  const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  return {
    x1: within(Math.min(a.x, b.x), width),
    y1: within(Math.min(a.y, b.y), height),
    x2: within(Math.max(a.x, b.x), width),
    y2: within(Math.max(a.y, b.y), height),
  };
}

/** The side of a box drawn without saying how large: that of most boxes on the page, or a fiftieth of it. */
export function usualSide(
  boxes: readonly { bbox: BoundingBox }[],
  { width, height }: { width: number; height: number },
): number {
  const sides = boxes.map(({ bbox }) => (bbox.x2 - bbox.x1 + bbox.y2 - bbox.y1) / 2).sort((a, b) => a - b);
  return sides[Math.floor(sides.length / 2)] ?? Math.max(width, height) / 50;
}

/** A box moved, or its lower right corner, kept within the picture and at least two pixels large. */
export function nudged(
  { x1, y1, x2, y2 }: BoundingBox,
  dx: number,
  dy: number,
  resize: boolean,
  { width, height }: { width: number; height: number },
): BoundingBox {
  if (resize) {
    return { x1, y1, x2: Math.min(Math.max(x2 + dx, x1 + 2), width), y2: Math.min(Math.max(y2 + dy, y1 + 2), height) };
  }
  const x = Math.min(Math.max(dx, -x1), width - x2);
  const y = Math.min(Math.max(dy, -y1), height - y2);
  return { x1: x1 + x, y1: y1 + y, x2: x2 + x, y2: y2 + y };
}
