/** The thread that fetches and compiles the module: taking in 11 MB would hold the page up now and then. */
import { DetectorError, wordsOf } from '../lib/errors.js';
import { compileModule } from '../lib/source.js';
import type { ErrorResult } from '../lib/types.js';

/** What is asked: the address of the module; undefined for that beside this code. */
export interface CompileRequest {
  wasm: string | undefined;
}

export type CompileReply =
  | { loaded: number; total: number | undefined }
  | { module: WebAssembly.Module }
  | { error: ErrorResult };

addEventListener('message', async ({ data }: MessageEvent<CompileRequest>) => {
  const reply = (reply: CompileReply) => postMessage(reply);
  try {
    reply({ module: await compileModule(data.wasm, (loaded, total) => reply({ loaded, total })) });
  } catch (error) {
    const known = error instanceof DetectorError ? error : new DetectorError('load_failed', wordsOf(error));
    reply({ error: known.toJSON() });
  }
});
