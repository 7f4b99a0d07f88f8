/** Opens files and counts their pages: from the store to the workers and back. */
import { DetectorError } from '../lib/errors.js';
import { LEAST_CONF } from './boxes.js';
import { limit } from './limit.js';
import type { PdfReader } from './pdf.js';
import type { Pool } from './pool.js';
import { openFile, type Picture } from './source.js';
import type { Page, Store } from './store.js';

/** Pictures that took work to make and may be wanted again at once: when the page is shown, or made small for the list. */
const KEPT = 8;

export class Work {
  readonly #store: Store;
  readonly #pool: Pool;
  readonly #pdf: () => PdfReader;
  /** Pages being drawn or counted: one more than workers, so that the next one is ready when a worker is. */
  readonly #pages: ReturnType<typeof limit>;
  readonly #files = limit(1);
  readonly #stoppers = new Map<Page, AbortController>();
  readonly #kept = new Map<Page, Promise<Picture>>();
  readonly #onCounted: (page: Page) => void;
  #session = new AbortController();

  constructor(store: Store, pool: Pool, pdf: () => PdfReader, onCounted: (page: Page) => void) {
    this.#store = store;
    this.#pool = pool;
    this.#pdf = pdf;
    this.#pages = limit(pool.size + 1);
    this.#onCounted = onCounted;
  }

  take(files: readonly { name: string; file: Blob }[]): Page[] {
    const added = this.#store.addFiles(files);
    for (const page of added) void this.#open(page);
    return added;
  }

  retry(page: Page): void {
    void (page.source ? this.#count(page) : this.#open(page));
  }

  /** Stops one page, or all that is being counted or waits for it. */
  stop(page?: Page): void {
    for (const [each, stopper] of [...this.#stoppers]) if (!page || each === page) stopper.abort();
  }

  /** Gives up everything, also what is being drawn. */
  forget(): void {
    this.stop();
    this.#session.abort();
    this.#session = new AbortController();
    this.#kept.clear();
  }

  async #open(first: Page): Promise<void> {
    const stopper = this.#stopper(first);
    try {
      this.#store.become(first, { kind: 'working', progress: { phase: 'opening' } });
      // One after the other, so that the list has the order in which they were given.
      const sources = await this.#files(async () => {
        stopper.signal.throwIfAborted();
        return openFile(first.blob, this.#pdf, stopper.signal);
      });
      stopper.signal.throwIfAborted();
      for (const page of this.#store.opened(first, sources)) void this.#count(page);
    } catch (error) {
      if (this.#stoppers.get(first) === stopper) this.#stoppers.delete(first);
      this.#store.fail(first, asError(error, stopper.signal));
    }
  }

  async #count(page: Page): Promise<void> {
    const { signal } = this.#stopper(page);
    const stopper = this.#stoppers.get(page);
    const report = (progress: Extract<Page['state'], { kind: 'working' }>['progress']) => {
      if (!signal.aborted) this.#store.become(page, { kind: 'working', progress });
    };
    try {
      report({ phase: 'waiting' });
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      const counting = this.#pages(async () => {
        signal.throwIfAborted();
        if (page.source?.drawn) report({ phase: 'drawing' });
        const { blob, words } = await this.picture(page);
        page.words = words;
        return this.#pool.detect(blob, LEAST_CONF, { signal, onProgress: report });
      });
      const result = await Promise.race([counting, aborted]);
      this.#store.become(page, { kind: 'done', result });
      this.#onCounted(page);
    } catch (error) {
      this.#store.fail(page, asError(error, signal));
    } finally {
      if (this.#stoppers.get(page) === stopper) this.#stoppers.delete(page);
    }
  }

  #stopper(page: Page): AbortController {
    const stopper = new AbortController();
    this.#stoppers.set(page, stopper);
    return stopper;
  }

  /**
   * The page as an encoded picture; one that takes work to make is kept for a while. Whoever asks, it is made once: a
   * count that is stopped does not take it from the eyes of somebody who looks at it.
   */
  picture(page: Page): Promise<Picture> {
    const { source } = page;
    if (!source) return Promise.reject(new Error('the file is not open yet'));
    if (!source.drawn) return source.picture(this.#session.signal);
    const kept = this.#kept.get(page) ?? source.picture(this.#session.signal);
    // Put in anew, so that what was wanted longest ago comes first.
    this.#kept.delete(page);
    this.#kept.set(page, kept);
    kept.catch(() => this.#kept.delete(page));
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
    return kept;
  }
}

function asError(error: unknown, signal: AbortSignal): unknown {
  return signal.aborted ? new DetectorError('cancelled', 'The call was cancelled') : error;
}
