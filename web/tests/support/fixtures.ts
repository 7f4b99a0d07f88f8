/** The pictures the tests use. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { web } from '../../scripts/paths.mjs';
import type { Detection, DetectionResult, Pixels } from '../../src/lib/types.ts';
import type { Grey } from './encode.ts';

const at = (name: string) => join(web, 'tests/fixtures', name);

/** The project's own form, see draw-fixtures.ts: as PNG, as TIFF, and as a JPEG that only EXIF turns upright. */
export const form = {
  png: readFileSync(at('form.png')),
  tiff: readFileSync(at('form.tiff')),
  sideways: readFileSync(at('form-sideways.jpg')),
};

/** What is on it, known from how it was drawn. */
export const truth: { image: { width: number; height: number }; boxes: Pick<Detection, 'class' | 'bbox'>[] } =
  JSON.parse(readFileSync(at('form.json'), 'utf8'));
export const filled = truth.boxes.filter((box) => box.class === 'filled_checkbox').length;
export const empty = truth.boxes.length - filled;

/** The answer a perfect network would give. */
export const perfect: DetectionResult = {
  success: true,
  image: truth.image,
  detections: truth.boxes.map((box) => ({ class: box.class, confidence: 0.987, bbox: box.bbox })),
  counts: { empty_checkbox: empty, filled_checkbox: filled },
  total: truth.boxes.length,
  model: 'perfect',
};

/** The form as the grey picture it is. */
export function greyForm(): Grey {
  // It is the TIFF's one strip, behind its header.
  return { ...truth.image, pixels: inflateSync(form.tiff.subarray(8)) };
}

/** The pixels of the form, as a canvas would give them. */
export function formPixels(): Pixels {
  const { width, height, pixels: grey } = greyForm();
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let at = 0; at < width * height; at++) data.fill(grey[at] ?? 0, at * 4, at * 4 + 3);
  return { width, height, data };
}
