/** The module, fetched and compiled in a thread of its own, which ends with that. */
import { DetectorError } from '../lib/errors.js';
import type { LoadProgress } from '../lib/source.js';
import type { CompileReply, CompileRequest } from './compile-worker.js';

/**
 * @param wasm address of the module; by default beside this code
 * @throws {DetectorError} `load_failed` or `no_wasm`
 */
export function compileAside(wasm: URL | undefined, onProgress: LoadProgress): Promise<WebAssembly.Module> {
  return new Promise<WebAssembly.Module>((resolve, reject) => {
    const worker = new Worker(new URL('./compile-worker.js', import.meta.url), { type: 'module' });
    const end = () => worker.terminate();
    worker.addEventListener('message', ({ data }: MessageEvent<CompileReply>) => {
      if ('loaded' in data) {
        onProgress(data.loaded, data.total);
        return;
      }
      end();
      if ('module' in data) resolve(data.module);
      else reject(new DetectorError(data.error.code, data.error.detail));
    });
    worker.addEventListener('error', (event) => {
      end();
      reject(new DetectorError('load_failed', `The module could not be loaded: ${event.message || 'no worker'}`));
    });
    const request: CompileRequest = { wasm: wasm?.href };
    worker.postMessage(request);
  });
}
