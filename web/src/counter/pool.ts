/** Several detectors that share one compiled module: as many pages at once as the machine bears. */
import { type CheckboxDetector, createDetector } from '../lib/client.js';
import { DetectorError } from '../lib/errors.js';
import type { WorkerSource } from '../lib/host.js';
import type { LoadProgress } from '../lib/source.js';
import type { DetectionResult, ModuleInfo, Progress } from '../lib/types.js';
import { compileAside } from './compile.js';

/** The first worker is kept for the next page a person chooses; the others only while there is a queue. */
const IDLE_MS = { first: 120_000, others: 5_000 };

/**
 * A browser first runs a module slowly and compiles what is used often better beside it. So many small blank pages take it
 * that far: measured in Chromium 156, the first real page then takes a fifth of the time.
 */
const WARM_UP = { runs: 12, width: 352, height: 448 };

/**
 * How many workers a machine bears: each takes a core while it counts and 60 MB and more, and one core is left for the
 * page and for drawing PDF pages.
 * @param cores as `navigator.hardwareConcurrency` says
 * @param memory in GB, as `navigator.deviceMemory` says where it is known; it never says more than 8
 */
export function poolSize(cores: number, memory = 8): number {
  const most = memory <= 2 ? 1 : 4;
  return Math.max(1, Math.min(most, cores - 1));
}

interface Call {
  signal: AbortSignal;
  onProgress?: ((progress: Progress) => void) | undefined;
}

interface Waiting {
  start: (index: number) => void;
  urgent: boolean;
}

export class Pool {
  readonly #options: { wasm: URL | undefined; worker: WorkerSource | undefined };
  readonly #detectors: (CheckboxDetector | undefined)[];
  readonly #busy: boolean[];
  #waiting: Waiting[] = [];
  #module: Promise<WebAssembly.Module> | undefined;
  readonly #listeners = new Set<LoadProgress>();
  #closed = false;
  /** Whether there has been a real page. */
  #used = false;

  constructor(size: number, options: { wasm?: URL | undefined; worker?: WorkerSource | undefined }) {
    this.#options = { wasm: options.wasm, worker: options.worker };
    this.#detectors = Array.from({ length: size });
    this.#busy = Array.from({ length: size }, () => false);
  }

  get size(): number {
    return this.#detectors.length;
  }

  /** Loads the module and starts the first worker ahead of the first page; harmless to repeat. */
  load(onProgress: (progress: Progress) => void): Promise<ModuleInfo> {
    const { signal } = new AbortController();
    return this.#run({ signal, onProgress }, false, (detector) => detector.load({ signal, onProgress }));
  }

  /** Runs the network on blank pages until it is quick, or until there is a real one. */
  async warmUp(): Promise<void> {
    const canvas = new OffscreenCanvas(WARM_UP.width, WARM_UP.height);
    // Without a context there is nothing to be made a file of.
    canvas.getContext('2d', { alpha: false });
    const blank = await canvas.convertToBlob({ type: 'image/png' });
    const { signal } = new AbortController();
    for (let run = 0; run < WARM_UP.runs && !this.#used && !this.#closed; run++) {
      await this.#run({ signal }, false, (detector) => detector.detect(blank, { conf: 1, signal }));
    }
  }

  detect(picture: Blob, conf: number, call: Call): Promise<DetectionResult> {
    this.#used = true;
    return this.#run(call, false, (detector) => detector.detect(picture, { conf, ...call }));
  }

  /**
   * A PNG of a picture that the browser cannot show, without boxes: none is as sure as that.
   * @param urgent ahead of all that waits, because somebody is looking
   * @returns a little taller than the picture: the detector writes the counts underneath
   */
  async draw(picture: Blob, signal: AbortSignal, urgent: boolean): Promise<Blob> {
    const options = { conf: 1, format: 'png', signal } as const;
    const bytes = await this.#run({ signal }, urgent, (detector) => detector.annotate(picture, options));
    return new Blob([bytes as BlobPart], { type: 'image/png' });
  }

  close(): void {
    this.#closed = true;
    for (const detector of this.#detectors) detector?.close();
  }

  async #run<T>(call: Call, urgent: boolean, work: (detector: CheckboxDetector) => Promise<T>): Promise<T> {
    const index = await this.#turn(call.signal, urgent);
    try {
      return await work(await this.#detector(index, call));
    } finally {
      this.#busy[index] = false;
      this.#next();
    }
  }

  /** Resolves to the number of a worker that is free, the lowest, so that the others come to rest. */
  #turn(signal: AbortSignal, urgent: boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      const cancelled = () => new DetectorError('cancelled', 'The call was cancelled', { cause: signal.reason });
      if (signal.aborted) return reject(cancelled());
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        reject(cancelled());
      };
      const waiting: Waiting = {
        urgent,
        start: (index) => {
          signal.removeEventListener('abort', onAbort);
          this.#busy[index] = true;
          resolve(index);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const at = urgent ? this.#waiting.findIndex((other) => !other.urgent) : -1;
      this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, waiting);
      this.#next();
    });
  }

  #next(): void {
    const free = this.#busy.indexOf(false);
    if (free >= 0) this.#waiting.shift()?.start(free);
  }

  async #detector(index: number, call: Call): Promise<CheckboxDetector> {
    const made = this.#detectors[index];
    if (made) return made;
    const wasm = await this.#compiled(call);
    if (this.#closed) throw new DetectorError('closed', 'The detector was closed');
    const detector = createDetector({
      wasm,
      ...(this.#options.worker !== undefined && { worker: this.#options.worker }),
      idleMs: index === 0 ? IDLE_MS.first : IDLE_MS.others,
    });
    this.#detectors[index] = detector;
    return detector;
  }

  async #compiled({ signal, onProgress }: Call): Promise<WebAssembly.Module> {
    const listener: LoadProgress = (loaded, total) => {
      if (!signal.aborted) onProgress?.({ phase: 'loading', loaded, total });
    };
    this.#listeners.add(listener);
    listener(0, undefined);
    if (!this.#module) {
      this.#module = compileAside(this.#options.wasm, (loaded, total) => {
        for (const listen of this.#listeners) listen(loaded, total);
      });
      // A failure is for those who wait for it; the next call tries again.
      this.#module.catch(() => {
        this.#module = undefined;
      });
    }
    try {
      return await this.#module;
    } finally {
      this.#listeners.delete(listener);
    }
  }
}
