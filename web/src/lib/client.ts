import { detectEach, ENDING, type Outcome } from './batch.js';
import { type Asking, Endpoint, type EndpointOptions } from './endpoint.js';
import { DetectorError } from './errors.js';
import { createHost, type Host, type WorkerSource } from './host.js';
import { readInput } from './input.js';
import type { Calls } from './protocol.js';
import { compileModule } from './source.js';
import type {
  AnnotateOptions,
  DetectOptions,
  DetectResult,
  ImageInput,
  ModuleInfo,
  ModuleSource,
  Progress,
  RanOn,
} from './types.js';

/** Options of `createDetector`; all may be left out. */
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
  /**
   * A service that runs the same module (`host-lambda`), by its address or with options: asked for what the module cannot do
   * here. Without it nothing leaves this machine.
   */
  endpoint?: string | URL | EndpointOptions | undefined;
  /** Closes the detector when it aborts. */
  signal?: AbortSignal | undefined;
}

/** What every call takes besides its own options. */
export interface CallOptions {
  /** Rejects the call with the code `cancelled`; work in progress stops at once. */
  signal?: AbortSignal | undefined;
  /** Told what the call is doing. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** Options of `detectAll`. */
export interface DetectAllOptions extends DetectOptions {
  /** Ends the iteration with the code `cancelled`; work in progress stops at once. */
  signal?: AbortSignal | undefined;
  /** Told what is being done with which input, counted from 0. */
  onProgress?: ((progress: Progress, index: number) => void) | undefined;
  /**
   * Inputs under way at once, at least 1; later ones are not asked for before. By default 2, of which the worker has one, so
   * that it never waits; with an endpoint that is always asked, as many as that takes.
   */
  concurrency?: number | undefined;
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
  detect(image: ImageInput, options?: DetectOptions & CallOptions): Promise<DetectResult>;
  /**
   * Finds the checkboxes on many pictures, each as `detect` does. An input that fails has its error for an outcome, and the
   * others go on. Inputs are taken as they are needed, so they may be made on the way (an async generator); ending the
   * iteration early cancels what is under way.
   * @returns one outcome for each input, in their order
   * @throws {DetectorError} only `cancelled` and `closed`; and whatever `images` itself throws
   */
  detectAll(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options?: DetectAllOptions,
  ): AsyncIterableIterator<Outcome>;
  /**
   * Draws the boxes and the counts on the picture.
   * @returns bytes of a JPEG or, with `format: 'png'`, a PNG file
   * @throws {DetectorError}
   */
  annotate(image: ImageInput, options?: AnnotateOptions & CallOptions): Promise<Uint8Array>;
  /** Ends the worker; calls not yet answered, and later ones, are rejected with the code `closed`. */
  close(): void;
}

/**
 * Errors for which the module here is to blame: an endpoint may do better. Not `internal` and `network`, which the same
 * module would give there too.
 */
const CANNOT: ReadonlySet<string> = new Set(['no_wasm', 'load_failed', 'out_of_memory', 'crashed']);

/** Errors after which the module's state cannot be trusted: its host is replaced. */
const FATAL: ReadonlySet<string> = new Set(['crashed', 'out_of_memory', 'internal']);

/** A value and, where there is an endpoint, who gave it. */
interface Answer<T> {
  value: T;
  ranOn: RanOn | undefined;
}

/** One call, from the moment it is made until it is answered, cancelled or closed. */
interface Job {
  work: () => Promise<unknown>;
  /** Aborts when it is cancelled or closed, with the error that it ends with. */
  stop: AbortController;
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
  readonly #endpoint: Endpoint | undefined;
  /** Calls that the endpoint has. */
  readonly #asking = new Set<AbortController>();
  /** Why the module will never run here; no further call tries. */
  #never: DetectorError | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: DetectorOptions) {
    this.#options = options;
    const { endpoint } = options;
    if (endpoint) {
      const isAddress = typeof endpoint === 'string' || !('url' in endpoint);
      this.#endpoint = new Endpoint(isAddress ? { url: endpoint } : endpoint);
    }
    if (options.signal?.aborted) this.close();
    options.signal?.addEventListener('abort', () => this.close(), { once: true });
  }

  async load(options: CallOptions = {}): Promise<ModuleInfo> {
    const local = () => this.#enqueue(options, async (job) => (await this.#started(job)).info);
    const { value } = await this.#either(options, local, (endpoint, asking) => endpoint.load(asking));
    return value;
  }

  async detect(image: ImageInput, options: DetectOptions & CallOptions = {}): Promise<DetectResult> {
    const { value, ranOn } = await this.#call('detect', image, options);
    return ranOn ? { ...value, ranOn } : value;
  }

  async annotate(image: ImageInput, options: AnnotateOptions & CallOptions = {}): Promise<Uint8Array> {
    return (await this.#call('annotate', image, options)).value;
  }

  detectAll(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options: DetectAllOptions = {},
  ): AsyncIterableIterator<Outcome> {
    const { concurrency = this.#endpoint?.always ? this.#endpoint.concurrency : 2, ...rest } = options;
    return detectEach((image, options) => this.detect(image, options), images, { ...rest, concurrency });
  }

  close(): void {
    this.#closed = true;
    for (const job of [...this.#queue]) this.#interrupt(job, closed());
    if (this.#running) this.#interrupt(this.#running, closed());
    for (const stop of this.#asking) stop.abort(closed());
    this.#dropHost();
  }

  #call<Name extends keyof Calls>(
    method: Name,
    image: ImageInput,
    { signal, onProgress, ...options }: Calls[Name]['options'] & CallOptions,
  ): Promise<Answer<Calls[Name]['value']>> {
    const callOptions = { signal, onProgress };
    const local = () =>
      this.#enqueue(callOptions, async (job) => {
        const { host, info } = await this.#started(job);
        // Read only now: of many pictures waiting, only the one being worked on is in memory.
        job.report({ phase: 'reading' });
        const bytes = await readInput(image, { info, signal: job.stop.signal });
        if (!job.settled) job.report({ phase: 'detecting' });
        // Also whoever is told may have cancelled: what goes to the module now would be in the way of the next call.
        if (job.settled) throw closed();
        job.inModule = true;
        return host.call(method, bytes, options);
      });
    return this.#either(callOptions, local, (endpoint, asking) => endpoint.call(method, image, options, asking));
  }

  /** The module's answer, or the endpoint's where that is how it is set up. */
  async #either<T>(
    { signal, onProgress }: CallOptions,
    local: () => Promise<T>,
    remote: (endpoint: Endpoint, asking: Asking) => Promise<T>,
  ): Promise<Answer<T>> {
    const endpoint = this.#endpoint;
    if (!endpoint) return { value: await local(), ranOn: undefined };
    let why = this.#never;
    if (!endpoint.always && !why) {
      try {
        return { value: await local(), ranOn: 'local' };
      } catch (error) {
        if (!(error instanceof DetectorError && CANNOT.has(error.code))) throw error;
        if (error.code === 'no_wasm') this.#never = error;
        why = error;
      }
    }
    const value = await this.#asked(endpoint, signal, onProgress, remote).catch((error: unknown) => {
      // What went wrong here stays to be seen; that of an endpoint that failed is in its words.
      if (!why || !(error instanceof DetectorError) || ENDING.has(error.code)) throw error;
      throw new DetectorError(error.code, error.message, { cause: why });
    });
    return { value, ranOn: 'endpoint' };
  }

  async #asked<T>(
    endpoint: Endpoint,
    signal: AbortSignal | undefined,
    onProgress: CallOptions['onProgress'],
    remote: (endpoint: Endpoint, asking: Asking) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) throw closed();
    const stop = new AbortController();
    const onAbort = () => stop.abort(cancelled(signal));
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort);
    this.#asking.add(stop);
    try {
      return await remote(endpoint, {
        signal: stop.signal,
        report: (progress) => {
          if (!stop.signal.aborted) onProgress?.(progress);
        },
      });
    } finally {
      this.#asking.delete(stop);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #enqueue<T>({ signal, onProgress }: CallOptions, work: (job: Job) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) throw closed();
      if (signal?.aborted) throw cancelled(signal);
      const onAbort = () => this.#interrupt(job, cancelled(signal));
      const once =
        <Value>(answer: (value: Value) => void) =>
        (value: Value) => {
          job.settled = true;
          signal?.removeEventListener('abort', onAbort);
          answer(value);
        };
      const job: Job = {
        work: () => work(job),
        stop: new AbortController(),
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
    job.stop.abort(error);
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
      if (!job.settled) job.report({ phase: 'starting' });
      // Cancelled, perhaps by whoever was told just now: the next call starts the worker, and two would be one too many.
      if (job.settled) throw closed();
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

function cancelled(signal: AbortSignal | undefined): DetectorError {
  return new DetectorError('cancelled', 'The call was cancelled', { cause: signal?.reason });
}

function closed(): DetectorError {
  return new DetectorError('closed', 'The detector was closed');
}
