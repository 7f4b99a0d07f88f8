/** The pages, what has become of them and what was corrected: the one place that knows. Without the DOM. */
import { DetectorError } from '../lib/errors.js';
import type { DetectionResult, Progress } from '../lib/types.js';
import {
  add,
  boxesOf,
  type Corrections,
  correct,
  type Edit,
  nothing,
  type Tally,
  tally,
  uncorrected,
} from './boxes.js';
import { type Change, type History, noHistory, record, redo, undo } from './history.js';
import type { Word } from './labels.js';
import { type PageReport, reportOf } from './report.js';
import type { PageSource } from './source.js';

export type State =
  /** `opening`: the file's pages are not known yet. `drawing`: the page is made into a picture. */
  | { kind: 'working'; progress: Progress | { phase: 'opening' | 'drawing' } }
  | { kind: 'done'; result: DetectionResult }
  | { kind: 'failed'; code: string; detail: string };

export interface Page {
  readonly id: number;
  /** Name of the file, and which of its pages this is, from 1. */
  readonly file: string;
  readonly blob: Blob;
  number: number;
  of: number;
  /** Undefined until the file is opened. */
  source: PageSource | undefined;
  state: State;
  corrections: Corrections;
  words: readonly Word[] | undefined;
}

/** What has changed: one page, the set of pages, which one is shown, or what every page depends on. */
export type Event =
  | { kind: 'page'; page: Page; corrected?: true }
  | { kind: 'pages'; added: readonly Page[]; after: Page | undefined }
  | { kind: 'cleared' }
  | { kind: 'shown' }
  | { kind: 'threshold' };

export interface Sum extends Tally {
  /** How many pages are counted, how many failed, how many there are. */
  done: number;
  failed: number;
  all: number;
}

export class Store {
  #pages: Page[] = [];
  #shown: Page | undefined;
  #history: History = noHistory;
  #threshold: number;
  #ids = 0;
  readonly #listeners = new Set<(event: Event) => void>();

  /** @param threshold least confidence of a box that counts */
  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  get pages(): readonly Page[] {
    return this.#pages;
  }
  get shown(): Page | undefined {
    return this.#shown;
  }
  get threshold(): number {
    return this.#threshold;
  }
  get canUndo(): boolean {
    return this.#history.past.length > 0;
  }
  get canRedo(): boolean {
    return this.#history.future.length > 0;
  }

  listen(listener: (event: Event) => void): void {
    this.#listeners.add(listener);
  }

  #tell(event: Event): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** A page for each file, before it is known what is in it. */
  addFiles(files: readonly { name: string; file: Blob }[]): Page[] {
    const added = files.map(({ name, file }) => this.#page(name, file));
    this.#pages.push(...added);
    this.#tell({ kind: 'pages', added, after: this.#pages.at(-added.length - 1) });
    return added;
  }

  /** Gives the file's first page its source, and puts the others after it. */
  opened(first: Page, sources: readonly PageSource[]): Page[] {
    const at = this.#pages.indexOf(first);
    if (at < 0) return [];
    first.source = sources[0];
    first.of = sources.length;
    const added = sources.slice(1).map((source, index) => {
      const page = this.#page(first.file, first.blob);
      return Object.assign(page, { source, number: index + 2, of: sources.length });
    });
    this.#pages.splice(at + 1, 0, ...added);
    this.#tell({ kind: 'page', page: first });
    if (added.length > 0) this.#tell({ kind: 'pages', added, after: first });
    return [first, ...added];
  }

  #page(file: string, blob: Blob): Page {
    return {
      id: this.#ids++,
      file,
      blob,
      number: 1,
      of: 1,
      source: undefined,
      state: { kind: 'working', progress: { phase: 'opening' } },
      corrections: uncorrected,
      words: undefined,
    };
  }

  become(page: Page, state: State): void {
    page.state = state;
    if (this.#pages.includes(page)) this.#tell({ kind: 'page', page });
  }

  fail(page: Page, error: unknown): void {
    const { code, message } = error instanceof DetectorError ? error : new DetectorError('internal', String(error));
    this.become(page, { kind: 'failed', code, detail: message });
  }

  show(page: Page | undefined): void {
    if (page === this.#shown) return;
    this.#shown = page;
    this.#tell({ kind: 'shown' });
  }

  /** The page so many further on (or back) in the list; undefined past its ends. */
  beside(step: number): Page | undefined {
    return this.#shown && this.#pages[this.#pages.indexOf(this.#shown) + step];
  }

  setThreshold(threshold: number): void {
    if (threshold === this.#threshold) return;
    this.#threshold = threshold;
    this.#tell({ kind: 'threshold' });
  }

  /** @param merge see `Change.merge` */
  edit(page: Page, edit: Edit, merge?: string): void {
    const after = correct(page.corrections, edit);
    this.#history = record(this.#history, { page: page.id, before: page.corrections, after, merge });
    this.#set(page, after);
  }

  undo(): void {
    this.#step(undo(this.#history), ({ before }) => before);
  }

  redo(): void {
    this.#step(redo(this.#history), ({ after }) => after);
  }

  #step(step: [History, Change] | undefined, which: (change: Change) => Corrections): void {
    if (!step) return;
    const [history, change] = step;
    this.#history = history;
    const page = this.#pages.find(({ id }) => id === change.page);
    if (!page) return;
    // What changes is to be seen.
    this.show(page);
    this.#set(page, which(change));
  }

  #set(page: Page, corrections: Corrections): void {
    page.corrections = corrections;
    this.#tell({ kind: 'page', page, corrected: true });
  }

  clear(): void {
    this.#pages = [];
    this.#history = noHistory;
    this.#shown = undefined;
    this.#tell({ kind: 'cleared' });
  }

  tallyOf({ state, corrections }: Page): Tally | undefined {
    if (state.kind !== 'done') return undefined;
    return tally(boxesOf(state.result, corrections, this.#threshold), corrections, this.#threshold);
  }

  sum(): Sum {
    let total = nothing;
    let [done, failed] = [0, 0];
    for (const page of this.#pages) {
      const own = this.tallyOf(page);
      if (own) {
        total = add(total, own);
        done += 1;
      } else if (page.state.kind === 'failed') {
        failed += 1;
      }
    }
    return { ...total, done, failed, all: this.#pages.length };
  }

  report(page: Page): PageReport | undefined {
    const { state } = page;
    return state.kind === 'done' ? reportOf({ ...page, result: state.result }, this.#threshold) : undefined;
  }

  reports(): PageReport[] {
    return this.#pages.flatMap((page) => this.report(page) ?? []);
  }
}

/** Failures that may well not happen again. */
export function mayRetry(code: string): boolean {
  return ['load_failed', 'out_of_memory', 'crashed', 'cancelled', 'unreadable_input', 'pdf_crashed'].includes(code);
}
