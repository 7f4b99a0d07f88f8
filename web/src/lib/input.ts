import { DetectorError, wordsOf } from './errors.js';
import type { ImageInput, ModuleInfo } from './types.js';

/**
 * The bytes of the input in a buffer of their own, which can be handed to a worker without taking anything from the caller.
 * @throws {DetectorError} `bad_input` for anything but a Blob, ArrayBuffer or Uint8Array, `unreadable_input` for a file
 * that cannot be read, `too_many_bytes` before any of it is read
 */
export async function readInput(input: ImageInput, info: ModuleInfo): Promise<Uint8Array> {
  if (input instanceof Uint8Array || input instanceof ArrayBuffer) {
    checkSize(input.byteLength, info);
    // Not `slice`: that of a Node Buffer shares the memory.
    return new Uint8Array(input instanceof ArrayBuffer ? input.slice(0) : input);
  }
  if (!(input instanceof Blob)) {
    throw new DetectorError('bad_input', 'The picture must be a Blob, a File, an ArrayBuffer or a Uint8Array');
  }
  checkSize(input.size, info);
  try {
    return new Uint8Array(await input.arrayBuffer());
  } catch (error) {
    throw new DetectorError('unreadable_input', `The file could not be read: ${wordsOf(error)}`, { cause: error });
  }
}

/**
 * The module refuses large files itself, but only once they lie in its memory, which a really large one does not fit in.
 * @throws {DetectorError} `too_many_bytes`
 */
export function checkSize(bytes: number, { limits }: ModuleInfo): void {
  if (bytes <= limits.max_bytes) return;
  throw new DetectorError(
    'too_many_bytes',
    `the file has ${bytes} bytes; the most that is read is ${limits.max_bytes}`,
  );
}
