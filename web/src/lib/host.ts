/** Where the module runs: in a worker, or, where there are no workers, in this thread. */
import type { Engine } from './engine.js';
import { DetectorError, wordsOf } from './errors.js';
import { nodeModule } from './node.js';
import type { Calls, Reply, Request } from './protocol.js';
import type { ModuleInfo } from './types.js';

/** One running module. It takes one call at a time; its owner sees to that. */
export interface Host {
  /** False once it has died by itself: a host that is not alive answers no more. */
  readonly alive: boolean;
  start(module: WebAssembly.Module): Promise<ModuleInfo>;
  call<Name extends keyof Calls>(
    method: Name,
    image: Uint8Array,
    options: Calls[Name]['options'],
  ): Promise<Calls[Name]['value']>;
  /** Ends it at once, whatever it is doing; the memory is given back. A call in progress is never answered. */
  stop(): void;
}

/** A worker thread of Node (`Worker` of `node:worker_threads`), as far as it is used here. */
export interface WorkerThread {
  // biome-ignore lint/suspicious/noExplicitAny: as Node declares it
  on(event: string, listener: (value: any) => void): unknown;
  postMessage(value: unknown, transfer: ArrayBuffer[]): void;
  terminate(): unknown;
  ref(): void;
  unref(): void;
}

/** A worker of a browser (or Deno) or of Node. */
export type AnyWorker = Worker | WorkerThread;

/** How a worker comes about: by default, from an address, by a function of the caller's, or not at all. */
export type WorkerSource = URL | string | (() => AnyWorker) | false;

export function createHost(source: WorkerSource | undefined): Host {
  if (source === false) return new InThreadHost();
  if (typeof source === 'function') return new WorkerHost(source());
  if (typeof Worker === 'function') {
    if (source !== undefined) return new WorkerHost(new Worker(source, { type: 'module' }));
    // Spelt out, because bundlers look for exactly this form.
    return new WorkerHost(new Worker(new URL('worker.js', import.meta.url), { type: 'module' }));
  }
  const threads = nodeModule('node:worker_threads');
  if (!threads) return new InThreadHost();
  return new WorkerHost(new threads.Worker(asUrl(source ?? new URL('worker.js', import.meta.url))));
}

/** Node takes a plain string for a path; an address has to be a URL. */
function asUrl(address: URL | string): URL | string {
  return typeof address === 'string' && address.startsWith('file:') ? new URL(address) : address;
}

class WorkerHost implements Host {
  alive = true;
  readonly #worker: AnyWorker;
  #pending: { resolve: (value: never) => void; reject: (error: DetectorError) => void } | undefined;

  constructor(worker: AnyWorker) {
    this.#worker = worker;
    const onReply = (reply: Reply) => {
      const pending = this.#pending;
      this.#settle();
      if ('error' in reply) pending?.reject(new DetectorError(reply.error.code, reply.error.detail));
      else pending?.resolve(reply.value as never);
    };
    const onDeath = (words: string) => {
      this.alive = false;
      const pending = this.#pending;
      this.#settle();
      pending?.reject(new DetectorError('crashed', `The worker stopped unexpectedly: ${words}`));
    };
    if ('addEventListener' in worker) {
      worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => onReply(data));
      worker.addEventListener('error', (event) => onDeath(event.message || 'it could not be loaded'));
      worker.addEventListener('messageerror', () => onDeath('its answer could not be read'));
    } else {
      worker.on('message', onReply);
      worker.on('error', (error: unknown) => onDeath(wordsOf(error)));
      worker.on('exit', (code: number) => onDeath(`exit code ${code}`));
      worker.unref();
    }
  }

  start(module: WebAssembly.Module): Promise<ModuleInfo> {
    return this.#request({ method: 'start', module }, []);
  }

  call<Name extends keyof Calls>(
    method: Name,
    image: Uint8Array,
    options: Calls[Name]['options'],
  ): Promise<Calls[Name]['value']> {
    return this.#request({ method, image, options }, [image.buffer as ArrayBuffer]);
  }

  stop(): void {
    this.#settle();
    void this.#worker.terminate();
  }

  #request<T>(request: Request, transfer: ArrayBuffer[]): Promise<T> {
    // Node waits for a worker that has something to do, and for no other: a program that is done may end.
    if ('ref' in this.#worker) this.#worker.ref();
    return new Promise<T>((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#worker.postMessage(request, transfer);
    });
  }

  #settle(): void {
    this.#pending = undefined;
    if ('unref' in this.#worker) this.#worker.unref();
  }
}

/** Blocks the thread during each call, cannot be cancelled in the middle of one, and does not survive a crash. */
class InThreadHost implements Host {
  readonly alive = true;
  #engine: Engine | undefined;

  async start(module: WebAssembly.Module): Promise<ModuleInfo> {
    // Loaded only here: with a worker, this thread does without the module's glue.
    const { startEngine } = await import('./engine.js');
    this.#engine = await startEngine(module);
    return this.#engine.info();
  }

  async call<Name extends keyof Calls>(
    method: Name,
    image: Uint8Array,
    options: Calls[Name]['options'],
  ): Promise<Calls[Name]['value']> {
    if (!this.#engine) throw new DetectorError('internal', 'The module was called before it was started');
    return this.#engine[method](image, options);
  }

  stop(): void {
    this.#engine = undefined;
  }
}
