import { DetectorError, wordsOf } from './errors.js';
import { nodeModule } from './node.js';
import { bmp, bmpSize, checkPixels, pixelsOf, png } from './pixels.js';
import type { ImageInput, ModuleInfo, PixelInput } from './types.js';

/** What the reader has to keep to. */
export interface Reading {
  /** Most bytes that are taken; none for an endpoint, which judges for itself. */
  info?: ModuleInfo | undefined;
  /** True if the bytes go over a network: pixels are compressed then. */
  small?: boolean;
  /** Stops the fetch of an address. */
  signal?: AbortSignal | undefined;
}

/**
 * The file that the input is or makes, in a buffer of its own, which can be handed to a worker without taking anything
 * from the caller.
 * @throws {DetectorError} `bad_input` for what is no picture at all, `unreadable_input` for one that cannot be had,
 * `too_many_bytes`, where possible before any of it is read
 */
export async function readInput(input: ImageInput, reading: Reading = {}): Promise<Uint8Array<ArrayBuffer>> {
  const tag = tagOf(input);
  switch (tag) {
    case 'Uint8Array':
    case 'ArrayBuffer': {
      const bytes = input as Uint8Array | ArrayBuffer;
      checkSize(bytes.byteLength, reading.info);
      // Not `slice`: that of a Node Buffer shares the memory.
      return new Uint8Array(tag === 'Uint8Array' ? (bytes as Uint8Array) : (bytes as ArrayBuffer).slice(0));
    }
    case 'Blob':
    case 'File':
      return readBlob(input as Blob, reading);
    case 'String':
    case 'URL':
      return fetchPicture(addressOf(input as string | URL), reading);
    case 'ImageBitmap':
    case 'HTMLImageElement':
    case 'HTMLCanvasElement':
    case 'OffscreenCanvas':
    case 'ImageData':
      return encode(input as PixelInput, tag, reading);
  }
  if (looksLikePixels(input)) return encode(input, tag, reading);
  throw new DetectorError(
    'bad_input',
    'The picture must be a Blob, a File, an ArrayBuffer, a Uint8Array, an address, ImageData, an ImageBitmap, an image element or a canvas',
  );
}

/**
 * The module refuses large files itself, but only once they lie in its memory, which a really large one does not fit in.
 * @throws {DetectorError} `too_many_bytes`
 */
export function checkSize(bytes: number, info: ModuleInfo | undefined): void {
  if (!info || bytes <= info.limits.max_bytes) return;
  throw new DetectorError(
    'too_many_bytes',
    `the file has ${bytes} bytes; the most that is read is ${info.limits.max_bytes}`,
  );
}

/** `Blob`, `HTMLImageElement`…: by name, because `instanceof` says no to what comes from another frame. */
function tagOf(input: unknown): string {
  return Object.prototype.toString.call(input).slice('[object '.length, -1);
}

function looksLikePixels(input: unknown): input is PixelInput {
  return typeof input === 'object' && input !== null && 'data' in input && ArrayBuffer.isView(input.data);
}

async function readBlob(blob: Blob, { info }: Reading): Promise<Uint8Array<ArrayBuffer>> {
  checkSize(blob.size, info);
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw unreadable('file', error);
  }
}

/** Absolute, in a page as seen from the page. */
function addressOf(input: string | URL): URL {
  try {
    return new URL(input, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch (error) {
    throw new DetectorError('bad_input', `The picture's address is none: ${wordsOf(error)}`, { cause: error });
  }
}

async function fetchPicture(address: URL, { info, signal }: Reading): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    // Node's fetch does not read files.
    const fs = address.protocol === 'file:' ? nodeModule('node:fs/promises') : undefined;
    if (fs) {
      checkSize((await fs.stat(address)).size, info);
      return new Uint8Array(await fs.readFile(address, { signal }));
    }
    response = await fetch(address, { signal: signal ?? null });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    checkSize(Number(response.headers.get('content-length')), info);
    return await collect(response, info);
  } catch (error) {
    if (error instanceof DetectorError) throw error;
    throw unreadable('picture', error);
  }
}

/** The whole body, or an error as soon as it is more than is read: an address may deliver without end. */
async function collect(response: Response, info: ModuleInfo | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    parts.push(part.value);
    size += part.value.byteLength;
    try {
      checkSize(size, info);
    } catch (error) {
      void reader?.cancel();
      throw error;
    }
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function encode(input: PixelInput, tag: string, { info, small }: Reading): Promise<Uint8Array<ArrayBuffer>> {
  const pixels = await pixelsOf(input, tag);
  checkPixels(pixels);
  const fits = !info || bmpSize(pixels) <= info.limits.max_bytes;
  const bytes = small || !fits ? await png(pixels) : bmp(pixels);
  checkSize(bytes.byteLength, info);
  return bytes;
}

function unreadable(what: string, error: unknown): DetectorError {
  return new DetectorError('unreadable_input', `The ${what} could not be read: ${wordsOf(error)}`, { cause: error });
}
