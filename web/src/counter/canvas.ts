/** Pictures made on a canvas: small ones for the list, annotated ones to take away. */
import type { Box } from './boxes.js';
import { areFine, shapeOf } from './shapes.js';

/** Longest side of a small picture; twice what it is shown at. */
const SMALL = 112;

/** A small picture of a page; undefined where the browser cannot read it. */
export async function small(picture: Blob, height?: number): Promise<Blob | undefined> {
  const bitmap = await createImageBitmap(picture).catch(() => undefined);
  if (!bitmap) return undefined;
  try {
    const tall = Math.min(bitmap.height, height ?? bitmap.height);
    const scale = SMALL / Math.max(bitmap.width, tall);
    const canvas = new OffscreenCanvas(
      Math.max(1, Math.round(bitmap.width * scale)),
      Math.max(1, Math.round(tall * scale)),
    );
    const context = canvas.getContext('2d', { alpha: false });
    if (!context) return undefined;
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = 'medium';
    context.drawImage(bitmap, 0, 0, bitmap.width, tall, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.7 });
  } finally {
    bitmap.close();
  }
}

/** Colours of boxes on paper, as in counter.css; both are told apart by colour-blind people, and by their shape anyway. */
const INK = { empty: '#1466e8', filled: '#e4560a' };

/**
 * The picture with its boxes, as they look on the page.
 * @param size of the page in pixels; the picture may be taller, and is cut
 * @param options by default a PNG of the page's own size
 * @throws when the browser cannot read the picture
 */
export async function annotated(
  picture: Blob,
  size: { width: number; height: number },
  boxes: readonly Box[],
  options: { side?: number; type?: 'image/png' | 'image/jpeg' } = {},
): Promise<Blob> {
  const bitmap = await createImageBitmap(picture);
  try {
    const scale = Math.min(1, (options.side ?? Number.POSITIVE_INFINITY) / Math.max(size.width, size.height));
    const canvas = new OffscreenCanvas(Math.round(size.width * scale), Math.round(size.height * scale));
    const context = canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('no canvas to draw on');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, size.width, size.height, 0, 0, canvas.width, canvas.height);
    // Lines of the same weight on every page, whatever its resolution: as if it were shown 1,000 pixels high.
    const line = Math.max(canvas.width, canvas.height) / 1000;
    context.scale(scale, scale);
    const unit = line / scale;
    const fine = areFine(boxes, 1 / unit);
    for (const box of boxes) draw(context, box, unit, fine);
    return await canvas.convertToBlob({ type: options.type ?? 'image/png', quality: 0.85 });
  } finally {
    bitmap.close();
  }
}

function draw(context: OffscreenCanvasRenderingContext2D, box: Box, unit: number, fine: boolean): void {
  const { x, y, width, height, radius, badge } = shapeOf(box, 1 / unit);
  context.lineWidth = (fine ? 1.5 : 2.25) * unit;
  context.strokeStyle = badge ? INK.filled : INK.empty;
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
  context.stroke();
  if (!badge) return;
  context.fillStyle = INK.filled;
  context.beginPath();
  context.arc(badge.x, badge.y, badge.radius, 0, 2 * Math.PI);
  context.fill();
  context.strokeStyle = '#fff';
  context.lineWidth = 1.5 * unit;
  context.lineCap = context.lineJoin = 'round';
  context.beginPath();
  context.moveTo(badge.x - 0.45 * badge.radius, badge.y);
  context.lineTo(badge.x - 0.12 * badge.radius, badge.y + 0.36 * badge.radius);
  context.lineTo(badge.x + 0.46 * badge.radius, badge.y - 0.3 * badge.radius);
  context.stroke();
}
