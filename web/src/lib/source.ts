import { DetectorError, wordsOf } from './errors.js';
import { nodeModule } from './node.js';
import type { ModuleSource } from './types.js';

/** Size of the module in bytes, written in by the build: a compressed transfer does not say how much is to come. */
declare const WASM_BYTES: number;

/** Called with the bytes that have arrived so far, and with how many there will be where that is known. */
export type LoadProgress = (loaded: number, total: number | undefined) => void;

/**
 * The module as it lies beside this file. The expression stays literal and on one level: that is the form in which
 * bundlers (Vite, webpack, Rollup, Parcel) see that the file belongs to the bundle.
 */
function besideThisFile(): URL {
  return new URL('checkbox_detector.wasm', import.meta.url);
}

/**
 * Fetches where need be and compiles.
 * @throws {DetectorError} `load_failed` when it could not be fetched, `no_wasm` when it cannot be compiled here.
 */
export async function compileModule(source?: ModuleSource, onProgress?: LoadProgress): Promise<WebAssembly.Module> {
  if (typeof WebAssembly !== 'object') throw new DetectorError('no_wasm', 'WebAssembly is not available here');
  const given = source ?? besideThisFile();
  if (given instanceof WebAssembly.Module) return given;
  const bytes = typeof given === 'string' || given instanceof URL ? await request(given) : given;
  try {
    if (!(bytes instanceof Response)) return await WebAssembly.compile(bytes as BufferSource);
    if (onProgress) void count(bytes.clone(), onProgress);
    // Streaming compiles while the bytes arrive, but insists on the media type; a server that does not know it still works.
    const streams = bytes.headers.get('content-type')?.startsWith('application/wasm') ?? false;
    return streams ? await WebAssembly.compileStreaming(bytes) : await WebAssembly.compile(await bytes.arrayBuffer());
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) {
      throw new DetectorError('no_wasm', `The module cannot run here: ${error.message}`, { cause: error });
    }
    throw new DetectorError('load_failed', `The module could not be loaded: ${wordsOf(error)}`, { cause: error });
  }
}

async function request(address: string | URL): Promise<Response | Uint8Array> {
  try {
    // Node's fetch does not read files.
    const fs = String(address).startsWith('file:') ? nodeModule('node:fs/promises') : undefined;
    if (fs) return await fs.readFile(new URL(address));
    const response = await fetch(address);
    if (response.ok) return response;
    throw new Error(`HTTP status ${response.status}`);
  } catch (error) {
    throw new DetectorError('load_failed', `The module could not be loaded: ${wordsOf(error)}`, { cause: error });
  }
}

/** Reads a clone of the response only to report how far it is; the original goes to the compiler untouched. */
async function count(response: Response, onProgress: LoadProgress): Promise<void> {
  let loaded = 0;
  try {
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
      loaded += part.value.byteLength;
      onProgress(loaded, loaded <= WASM_BYTES ? WASM_BYTES : undefined);
    }
  } catch {
    // The original fails in the same way, and that failure is reported.
  }
}
