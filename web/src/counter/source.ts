/** Files, and the pages in them. */
import { DetectorError, wordsOf } from '../lib/errors.js';
import type { Word } from './labels.js';
import type { PdfReader } from './pdf.js';
import { tiffPages } from './tiff.js';

/** A page as the detector gets it: an encoded picture, and the words on it where the file carries them. */
export interface Picture {
  blob: Blob;
  words?: Word[] | undefined;
}

/** One page of a file. The picture is made anew each time: hundreds of them would not fit into memory. */
export interface PageSource {
  picture(signal: AbortSignal): Promise<Picture>;
  /** True where the picture has to be drawn first, which takes long enough to be worth keeping. */
  drawn: boolean;
}

export type Kind = 'pdf' | 'tiff' | 'readable' | 'other';

/**
 * What a file is by its first bytes, whatever its name says. `readable` is what the detector reads; `other` may be
 * something that this browser can decode, such as HEIC in Safari or AVIF.
 */
export function kindOf(head: Uint8Array): Kind {
  const text = String.fromCharCode(...head);
  if (text.includes('%PDF-')) return 'pdf';
  if (/^(II[*+]\0|MM\0[*+])/.test(text)) return 'tiff';
  if (/^(\xff\xd8\xff|\x89PNG|RIFF....WEBP|BM|GIF8)/s.test(text)) return 'readable';
  return 'other';
}

/**
 * The pages of a file, in order.
 * @param pdf started only for a PDF
 * @throws {DetectorError} `unreadable_input` when the file cannot be read, or a code of the PDF reader
 */
export async function openFile(file: Blob, pdf: () => PdfReader, signal: AbortSignal): Promise<PageSource[]> {
  const kind = await read(async () => kindOf(new Uint8Array(await file.slice(0, 1024).arrayBuffer())));
  switch (kind) {
    case 'pdf': {
      const count = await pdf().count(file, signal);
      return Array.from({ length: count }, (_, index) => ({
        picture: (signal) => pdf().page(file, index + 1, signal),
        drawn: true,
      }));
    }
    case 'tiff':
      return (await read(() => tiffPages(file))).map(plain);
    case 'readable':
      return [plain(file)];
    case 'other':
      return [{ picture: async () => ({ blob: await converted(file) }), drawn: true }];
  }
}

function plain(blob: Blob): PageSource {
  return { picture: async () => ({ blob }), drawn: false };
}

async function read<T>(reading: () => Promise<T>): Promise<T> {
  try {
    return await reading();
  } catch (error) {
    throw new DetectorError('unreadable_input', `The file could not be read: ${wordsOf(error)}`, { cause: error });
  }
}

/** As PNG where the browser can decode it; else the file itself, and the detector says what is wrong with it. */
async function converted(file: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  if (!bitmap) return file;
  try {
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
    return await canvas.convertToBlob({ type: 'image/png' });
  } finally {
    bitmap.close();
  }
}
