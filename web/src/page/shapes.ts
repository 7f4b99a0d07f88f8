/** Geometry of the boxes over the picture: pure functions, in pixels of the picture. */
import type { Detection } from '../lib/index.js';

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
export function shapeOf({ class: kind, bbox }: Detection, scale: number): Shape {
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
export function areFine(detections: readonly Detection[], scale: number): boolean {
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
