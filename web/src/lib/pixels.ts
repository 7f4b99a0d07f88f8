/** Pixels made into files, since the module reads files and nothing else: one way in, one set of checks. */
import { DetectorError, wordsOf } from './errors.js';
import type { PixelInput, Pixels } from './types.js';

/**
 * The pixels of whatever shows a picture.
 * @throws {DetectorError} `unreadable_input` for a picture that did not load, or that the page may not read (it comes from
 * another site without CORS)
 */
export async function pixelsOf(input: PixelInput, tag: string): Promise<Pixels> {
  if ('data' in input) return input;
  try {
    const image = input as Exclude<PixelInput, Pixels>;
    if (tag === 'HTMLImageElement') await (image as HTMLImageElement).decode();
    const [width, height] =
      'naturalWidth' in image ? [image.naturalWidth, image.naturalHeight] : [image.width, image.height];
    // Always drawn anew, at its own size: a canvas may hold something else than 2D, an image may be shown at another size.
    const context = canvas(width, height).getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
    context.drawImage(image, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  } catch (error) {
    throw new DetectorError('unreadable_input', `The picture could not be read: ${wordsOf(error)}`, { cause: error });
  }
}

function canvas(width: number, height: number): OffscreenCanvas | HTMLCanvasElement {
  if (typeof OffscreenCanvas === 'function') return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement('canvas'), { width, height });
}

/** @throws {DetectorError} `bad_input` if there are not four bytes to each pixel */
export function checkPixels({ width, height, data }: Pixels): void {
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (whole && data.BYTES_PER_ELEMENT === 1 && data.length === width * height * 4) return;
  throw new DetectorError(
    'bad_input',
    `${width} by ${height} pixels of RGBA have ${width * height * 4} bytes of 8 bits; these have ${data.length}`,
  );
}

/** Size of what `bmp` gives, in bytes. */
export function bmpSize({ width, height }: Pixels): number {
  return BMP_HEADER + bmpStride(width) * height;
}

const BMP_HEADER = 54;
const bmpStride = (width: number) => Math.ceil((width * 3) / 4) * 4;

/** An uncompressed file, for the module beside us: made in no time. */
export function bmp(pixels: Pixels): Uint8Array<ArrayBuffer> {
  const { width, height } = pixels;
  const bytes = new Uint8Array(bmpSize(pixels));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x424d);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, BMP_HEADER, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  // Negative: from the top down, like the pixels.
  view.setInt32(22, -height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  const stride = bmpStride(width);
  for (let y = 0; y < height; y++) writeRow(pixels, y, bytes, BMP_HEADER + y * stride, 2, 0);
  return bytes;
}

/** A compressed file, for the way to an endpoint, and for pictures too large to be taken uncompressed. */
export async function png(pixels: Pixels): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height } = pixels;
  const stride = 1 + width * 3;
  const rows = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) writeRow(pixels, y, rows, y * stride + 1, 0, 2);
  // Each row as its difference from the one above, from the bottom up so that the one above is still whole: paper becomes
  // noughts, which compress well and fast.
  for (let y = height - 1; y > 0; y--) {
    rows[y * stride] = 2;
    for (let at = y * stride + 1; at < (y + 1) * stride; at++) rows[at] = byte(rows, at) - byte(rows, at - stride);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  // 8 bits, red green blue; compression, filter and interlacing as everyone does.
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const parts = [signature, chunk('IHDR', header), chunk('IDAT', await deflate(rows)), chunk('IEND', new Uint8Array())];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Writes one row, three bytes a pixel, opacity laid over white; `red` and `blue` are their places among the three. */
function writeRow({ width, data }: Pixels, y: number, to: Uint8Array, at: number, red: number, blue: number): void {
  for (let from = y * width * 4; from < (y + 1) * width * 4; from += 4, at += 3) {
    const opacity = byte(data, from + 3);
    // As detector/src/decode.rs does it, rounding included.
    const blend = (value: number) => Math.trunc((value * opacity + 255 * (255 - opacity) + 127) / 255);
    to[at + red] = blend(byte(data, from));
    to[at + 1] = blend(byte(data, from + 1));
    to[at + blue] = blend(byte(data, from + 2));
  }
}

/** Never out of bounds here, which the type checker cannot know. */
function byte(bytes: Uint8Array | Uint8ClampedArray, at: number): number {
  return bytes[at] as number;
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(type: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(content.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let at = 0; at < 4; at++) bytes[4 + at] = type.charCodeAt(at);
  bytes.set(content, 8);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(4, -4)));
  return bytes;
}

/** CRC-32 of ISO 3309, as PNG asks for. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const value of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ value) & 0xff] as number);
  return ~crc >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});
