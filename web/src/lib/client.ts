import { DetectorError } from './errors.js';
import { createHost, type Host, type WorkerSource } from './host.js';
import { readInput } from './input.js';
import type { Calls } from './protocol.js';
import { compileModule } from './source.js';
import type {
  AnnotateOptions,
  DetectionResult,
  DetectOptions,
  ImageInput,
  ModuleInfo,
  ModuleSource,
  Progress,
} from './types.js';

export interface DetectorOptions {
  /** The module; by default `checkbox_detector.wasm` beside the package's code. */
  wasm?: ModuleSource;
  /**
   * The worker: an address of `worker.js`, or a function that starts it; by default `worker.js` beside the package's code.
   * `false` runs the module in this thread, which then blocks during each call; so does a place that has no workers.
   */
  worker?: WorkerSource;
  /** Milliseconds without work after which the worker is ended and its memory given back; 30,000 by default. */
  idleMs?: number;
  /** Closes the detector when it aborts. */
  signal?: AbortSignal | undefined;
}

export interface CallOptions {
  /** Rejects the call with the code `cancelled`; work in progress stops at once. */
  signal?: AbortSignal | undefined;
  /** Told what the call is doing. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** What `createDetector` gives. Calls run one after the other, in the order in which they were made. */
export interface CheckboxDetector {
  /** Loads the module and starts the worker ahead of the first picture. Not necessary, and harmless to repeat. */
  load(options?: CallOptions): Promise<ModuleInfo>;
  /**
   * Finds the checkboxes on a picture.
   * @returns boxes in pixels of the picture as a viewer shows it (EXIF orientation applied), in reading order
   * @throws {DetectorError}
   */
  detect(image: ImageInput, options?: DetectOptions & CallOptions): Promise<DetectionResult>;
  /**
   * Draws the boxes and the counts on the picture.
   * @returns bytes of a JPEG or, with `format: 'png'`, a PNG file
   * @throws {DetectorError}
   */
  annotate(image: ImageInput, options?: AnnotateOptions & CallOptions): Promise<Uint8Array>;
  /** Ends the worker; calls not yet answered, and later ones, are rejected with the code `closed`. */
  close(): void;
}

/** Errors after which the module's state cannot be trusted: its host is replaced. */
const FATAL: ReadonlySet<string> = new Set(['crashed', 'out_of_memory', 'internal']);

/** One call, from the moment it is made until it is answered, cancelled or closed. */
interface Job {
  work: () => Promise<unknown>;
  report: (progress: Progress) => void;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
  /** True once it is answered; what still comes in for it is dropped. */
  settled: boolean;
  /** True while the module works on it: then only the end of the worker stops it. */
  inModule: boolean;
}

/**
 * A detector that runs in a worker of its own. It returns at once; the module is loaded with the first call, or by `load`.
 *
 * Cancelling a call that is being worked on ends the worker, because a running module cannot be interrupted in any other
 * way; so does a crash. The next call starts a fresh one from the module compiled already, which takes tens of milliseconds.
 */
export function createDetector(options: DetectorOptions = {}): CheckboxDetector {
  return new Client(options);
}

class Client implements CheckboxDetector {
  readonly #options: DetectorOptions;
  readonly #queue: Job[] = [];
  #running: Job | undefined;
  #module: Promise<WebAssembly.Module> | undefined;
  #host: { host: Host; info: Promise<ModuleInfo> } | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: DetectorOptions) {
    this.#options = options;
    if (options.signal?.aborted) this.close();
    options.signal?.addEventListener('abort', () => this.close(), { once: true });
  }

  load(options: CallOptions = {}): Promise<ModuleInfo> {
    return this.#enqueue(options, async (job) => (await this.#started(job)).info);
  }

  detect(image: ImageInput, options: DetectOptions & CallOptions = {}): Promise<DetectionResult> {
    const { signal, onProgress, ...rest } = options;
    return this.#call('detect', image, rest, { signal, onProgress });
  }

  annotate(image: ImageInput, options: AnnotateOptions & CallOptions = {}): Promise<Uint8Array> {
    const { signal, onProgress, ...rest } = options;
    return this.#call('annotate', image, rest, { signal, onProgress });
  }

  close(): void {
    this.#closed = true;
    for (const job of [...this.#queue]) this.#interrupt(job, closed());
    if (this.#running) this.#interrupt(this.#running, closed());
    this.#dropHost();
  }

  #call<Name extends keyof Calls>(
    method: Name,
    image: ImageInput,
    options: Calls[Name]['options'],
    callOptions: CallOptions,
  ): Promise<Calls[Name]['value']> {
    return this.#enqueue(callOptions, async (job) => {
      const { host, info } = await this.#started(job);
      // Read only now: of many pictures waiting, only the one being worked on is in memory.
      job.report({ phase: 'reading' });
      const bytes = await readInput(image, info);
      if (job.settled) throw closed();
      job.report({ phase: 'detecting' });
      job.inModule = true;
      return host.call(method, bytes, options);
    });
  }

  #enqueue<T>({ signal, onProgress }: CallOptions, work: (job: Job) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const cancelled = () => new DetectorError('cancelled', 'The call was cancelled', { cause: signal?.reason });
      if (this.#closed) throw closed();
      if (signal?.aborted) throw cancelled();
      const onAbort = () => this.#interrupt(job, cancelled());
      const once =
        <Value>(answer: (value: Value) => void) =>
        (value: Value) => {
          job.settled = true;
          signal?.removeEventListener('abort', onAbort);
          answer(value);
        };
      const job: Job = {
        work: () => work(job),
        report: (progress) => {
          if (!job.settled) onProgress?.(progress);
        },
        resolve: once(resolve),
        reject: once(reject),
        settled: false,
        inModule: false,
      };
      signal?.addEventListener('abort', onAbort);
      this.#queue.push(job);
      if (this.#running) job.report({ phase: 'waiting' });
      else void this.#next();
    });
  }

  /** Works on the next call in the queue; with none left, lets the worker go after a while. */
  async #next(): Promise<void> {
    clearTimeout(this.#idle);
    const job = this.#queue.shift();
    this.#running = job;
    if (!job) return this.#rest();
    try {
      job.resolve((await job.work()) as never);
    } catch (error) {
      const current = this.#running === job;
      if (current && error instanceof DetectorError && FATAL.has(error.code)) this.#dropHost();
      job.reject(error);
    }
    // A call that was interrupted has made way for the next one already.
    if (this.#running === job) void this.#next();
  }

  #interrupt(job: Job, error: DetectorError): void {
    job.reject(error);
    if (this.#running === job) {
      if (job.inModule) this.#dropHost();
      void this.#next();
    } else {
      this.#queue.splice(this.#queue.indexOf(job), 1);
    }
  }

  /** A running host with the module in it: the present one, or a new one. */
  async #started(job: Job): Promise<{ host: Host; info: ModuleInfo }> {
    if (this.#host?.host.alive === false) this.#dropHost();
    if (!this.#host) {
      const module = await this.#compiled(job);
      if (job.settled) throw closed();
      job.report({ phase: 'starting' });
      const host = createHost(this.#options.worker);
      this.#host = { host, info: host.start(module) };
    }
    const { host, info } = this.#host;
    try {
      return { host, info: await info };
    } catch (error) {
      if (this.#host?.host === host) this.#dropHost();
      throw error;
    }
  }

  #compiled(job: Job): Promise<WebAssembly.Module> {
    if (!this.#module) {
      let arriving = true;
      // The job that waits for it may change on the way: the first may have been cancelled.
      const report = (loaded: number, total: number | undefined) => {
        if (arriving) this.#running?.report({ phase: 'loading', loaded, total });
      };
      this.#module = compileModule(this.#options.wasm, report).finally(() => {
        arriving = false;
      });
      // A failure is for the call that waits for it; the next call tries again.
      this.#module.catch(() => {
        this.#module = undefined;
      });
      job.report({ phase: 'loading', loaded: 0, total: undefined });
    }
    return this.#module;
  }

  #rest(): void {
    const { idleMs = 30_000 } = this.#options;
    if (!this.#host || !Number.isFinite(idleMs)) return;
    this.#idle = setTimeout(() => this.#dropHost(), idleMs);
    // In Node a timer would keep a finished program waiting.
    if (typeof this.#idle === 'object') this.#idle.unref();
  }

  #dropHost(): void {
    clearTimeout(this.#idle);
    this.#host?.host.stop();
    this.#host = undefined;
  }
}

function closed(): DetectorError {
  return new DetectorError('closed', 'The detector was closed');
}
