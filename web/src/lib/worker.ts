/** The thread that runs the module: a Web Worker, or a worker thread of Node. */
import { type Engine, startEngine } from './engine.js';
import { DetectorError, wordsOf } from './errors.js';
import { nodeModule } from './node.js';
import type { Reply, Request } from './protocol.js';

let engine: Engine | undefined;

async function answer(request: Request): Promise<Reply> {
  try {
    if (request.method === 'start') {
      engine = await startEngine(request.module);
      return { value: engine.info() };
    }
    if (!engine) throw new DetectorError('internal', 'The worker was called before it was started');
    return { value: engine[request.method](request.image, request.options) };
  } catch (error) {
    const known = error instanceof DetectorError ? error : new DetectorError('internal', wordsOf(error));
    return { error: known.toJSON() };
  }
}

/** Buffers to hand over with the reply: an annotated picture can be large. */
function transferable(reply: Reply): ArrayBuffer[] {
  return 'value' in reply && reply.value instanceof Uint8Array ? [reply.value.buffer as ArrayBuffer] : [];
}

if ('WorkerGlobalScope' in globalThis) {
  addEventListener('message', async ({ data }: MessageEvent<Request>) => {
    const reply = await answer(data);
    postMessage(reply, { transfer: transferable(reply) });
  });
} else {
  const port = nodeModule('node:worker_threads')?.parentPort;
  port?.on('message', async (request: Request) => {
    const reply = await answer(request);
    port.postMessage(reply, transferable(reply));
  });
}
