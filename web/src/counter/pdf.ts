/** PDF files: pages drawn and their words read by pdf.js, in a worker that is loaded with the first PDF. */
import { DetectorError, wordsOf } from '../lib/errors.js';
import type { PdfReply, PdfRequest } from './pdf-worker.js';
import type { Picture } from './source.js';

/** Without work for so long, the worker is ended and its memory given back. */
const IDLE_MS = 30_000;

interface Pending {
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

export class PdfReader {
  readonly #folder: URL | undefined;
  #worker: Worker | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  readonly #pending = new Map<number, Pending>();
  #serial = 0;
  /** A file that is sent arrives as another object each time; by its number the worker knows it again. */
  readonly #files = new WeakMap<Blob, number>();
  #fileCount = 0;

  /** @param folder where `pdf-worker.js` and what it loads lie; by default `pdf/` beside this code */
  constructor(folder?: URL) {
    this.#folder = folder;
  }

  /** How many pages a file has. */
  count(file: Blob, signal: AbortSignal): Promise<number> {
    return this.#call({ method: 'count', file, fileId: this.#idOf(file) }, signal);
  }

  /** A page drawn as PNG, and its words in pixels of it. */
  page(file: Blob, number: number, signal: AbortSignal): Promise<Picture> {
    return this.#call({ method: 'page', file, fileId: this.#idOf(file), number }, signal);
  }

  #idOf(file: Blob): number {
    const id = this.#files.get(file) ?? this.#fileCount++;
    this.#files.set(file, id);
    return id;
  }

  close(): void {
    clearTimeout(this.#idle);
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #call<T>(request: NonNullable<PdfRequest['call']>, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const cancelled = () => new DetectorError('cancelled', 'The call was cancelled', { cause: signal.reason });
      if (signal.aborted) return reject(cancelled());
      clearTimeout(this.#idle);
      const id = this.#serial++;
      const onAbort = () => {
        this.#pending.delete(id);
        reject(cancelled());
        this.#post({ id, call: undefined });
        this.#rest();
      };
      const settle = () => signal.removeEventListener('abort', onAbort);
      this.#pending.set(id, {
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      signal.addEventListener('abort', onAbort, { once: true });
      this.#worker ??= this.#start();
      this.#post({ id, call: request });
    });
  }

  #post(request: PdfRequest): void {
    this.#worker?.postMessage(request);
  }

  #start(): Worker {
    const worker = this.#folder
      ? new Worker(new URL('pdf-worker.js', this.#folder), { type: 'module' })
      : new Worker(new URL('./pdf/pdf-worker.js', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<PdfReply>) => {
      // pdf.js says a word of its own when it starts; it has no number.
      const pending = this.#pending.get(data.id);
      if (!pending) return;
      this.#pending.delete(data.id);
      if ('error' in data) pending.reject(new DetectorError(data.error.code, data.error.detail));
      else pending.resolve(data.value as never);
      this.#rest();
    });
    const onDeath = (words: string) => {
      if (this.#worker === worker) this.close();
      const lost = [...this.#pending.values()];
      this.#pending.clear();
      for (const { reject } of lost) reject(new DetectorError('pdf_crashed', `The PDF reader stopped: ${words}`));
    };
    worker.addEventListener('error', (event) => onDeath(event.message || 'it could not be loaded'));
    worker.addEventListener('messageerror', (event) => onDeath(wordsOf(event.data)));
    return worker;
  }

  #rest(): void {
    if (this.#pending.size > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.close(), IDLE_MS);
  }
}
