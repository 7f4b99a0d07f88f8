/** Picture files written by hand, as far as the fixtures need them. */
import { deflateSync } from 'node:zlib';

export interface Grey {
  width: number;
  height: number;
  /** One byte a pixel, row by row, 255 is white. */
  pixels: Uint8Array;
}

/** PNG, 8-bit grey, every row filtered by `up`. */
export function png({ width, height, pixels }: Grey): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    rows[y * (width + 1)] = 2;
    for (let x = 0; x < width; x++) {
      const above = y > 0 ? (pixels[(y - 1) * width + x] ?? 0) : 0;
      rows[y * (width + 1) + 1 + x] = (pixels[y * width + x] ?? 0) - above;
    }
  }
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'ascii'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** CRC-32 of ISO 3309, as PNG asks for. */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const TIFF = { SHORT: 3, LONG: 4, LONG8: 16 };

/** What a directory of an 8-bit grey page says, whose one strip lies at `at`, compressed by deflate (Adobe's number 8). */
function entriesOf({ width, height }: Grey, at: number, length: number): [tag: number, type: number, value: number][] {
  const { SHORT, LONG } = TIFF;
  return [
    [256, LONG, width],
    [257, LONG, height],
    [258, SHORT, 8],
    [259, SHORT, 8],
    [262, SHORT, 1],
    [273, LONG, at],
    [277, SHORT, 1],
    [278, LONG, height],
    [279, LONG, length],
  ];
}

/** TIFF of one page. */
export function tiff(page: Grey): Buffer {
  const strip = deflateSync(page.pixels, { level: 9 });
  const entries = entriesOf(page, 8, strip.length);
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length, 0);
  entries.forEach(([tag, type, value], index) => {
    const at = 2 + 12 * index;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(1, at + 4);
    directory.writeUInt32LE(value, at + 8);
  });
  const padding = Buffer.alloc(strip.length % 2);
  const header = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0]);
  header.writeUInt32LE(8 + strip.length + padding.length, 4);
  return Buffer.concat([header, strip, padding, directory]);
}

/** BigTIFF, in which places and counts have 8 bytes; any number of pages. */
export function bigTiff(...pages: Grey[]): Buffer {
  const header = Buffer.from([0x49, 0x49, 43, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const parts = [header];
  let length = header.length;
  // Where the place of the next directory is to be written.
  let link: [part: Buffer, at: number] = [header, 8];
  for (const page of pages) {
    const strip = deflateSync(page.pixels, { level: 9 });
    const entries = entriesOf(page, length, strip.length);
    const directory = Buffer.alloc(8 + 20 * entries.length + 8);
    directory.writeBigUInt64LE(BigInt(entries.length), 0);
    entries.forEach(([tag, type, value], index) => {
      const at = 8 + 20 * index;
      directory.writeUInt16LE(tag, at);
      directory.writeUInt16LE(tag === 273 ? TIFF.LONG8 : type, at + 2);
      directory.writeBigUInt64LE(1n, at + 4);
      directory.writeBigUInt64LE(BigInt(value), at + 12);
    });
    const padding = Buffer.alloc((8 - (strip.length % 8)) % 8);
    link[0].writeBigUInt64LE(BigInt(length + strip.length + padding.length), link[1]);
    link = [directory, directory.length - 8];
    parts.push(strip, padding, directory);
    length += strip.length + padding.length + directory.length;
  }
  return Buffer.concat(parts);
}

/** A JPEG with an EXIF block that holds nothing but the orientation (1 to 8). */
export function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  const tiffHeader = [0x49, 0x49, 42, 0, 8, 0, 0, 0];
  // One entry: tag 0x0112, one SHORT; then no further directory.
  const directory = [1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
  const content = Buffer.from([...Buffer.from('Exif\0\0', 'ascii'), ...tiffHeader, ...directory]);
  const exif = Buffer.concat([Buffer.from([0xff, 0xe1, 0, content.length + 2]), content]);
  return Buffer.concat([jpeg.subarray(0, 2), exif, jpeg.subarray(2)]);
}

/** Two TIFF files as `tiff` writes them as one of two pages. */
export function joined(first: Buffer, second: Buffer): Buffer<ArrayBuffer> {
  const both = Buffer.concat([first, second]);
  const [firstDirectory, secondDirectory] = [first.readUInt32LE(4), first.length + second.readUInt32LE(4)];
  const entries = first.readUInt16LE(firstDirectory);
  // Behind the entries of a directory stands where the next one is.
  both.writeUInt32LE(secondDirectory, firstDirectory + 2 + 12 * entries);
  for (let entry = 0; entry < entries; entry++) {
    const at = secondDirectory + 2 + 12 * entry;
    // Places of strips count from the start of the whole file.
    if (both.readUInt16LE(at) === 273) both.writeUInt32LE(both.readUInt32LE(at + 8) + first.length, at + 8);
  }
  return both;
}
