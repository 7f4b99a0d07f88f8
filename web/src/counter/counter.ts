/** `<checkbox-counter>`: drop forms, have their checkboxes counted, look, correct, take the result away. */
import { small } from './canvas.js';
import css from './counter.css';
import { afterPaint, figures, oncePerFrame, Parts } from './dom.js';
import { Editor } from './editor.js';
import { listen, type NamedFile } from './intake.js';
import { PageList } from './list.js';
import { PdfReader } from './pdf.js';
import { Pool, poolSize } from './pool.js';
import { type ResultPage, resultPages } from './report.js';
import { mayRetry, type Page, Store, type Event as StoreEvent } from './store.js';
import { boxTable, pageTable } from './tables.js';
import { offer } from './takeaway.js';
import { template } from './template.js';
import { failureWords, type Texts, textsFor } from './texts.js';
import { Viewer } from './viewer.js';
import { Work } from './work.js';

/** Until the module is there and says which confidence it uses itself. */
const DEFAULT_THRESHOLD = 0.5;

/**
 * The component. Attributes, all optional and read when it is put into a document:
 * - `simple`: just drop and count, without looking, correcting and taking away
 * - `whole-window`: takes what is dropped or pasted anywhere in the window
 * - `wasm`, `worker`, `pdf`: addresses of `checkbox_detector.wasm`, of `worker.js`, of the folder with `pdf-worker.js`;
 *   by default beside this code
 * - `samples`: address of the folder with sample forms; without it none are offered
 * - `lang`: language of the words; by default that of the page around, else the browser's
 *
 * Events: `counted` after each page and `corrected` after each correction, with the page as `detail`, in the form of `results`.
 */
export class CheckboxCounter extends HTMLElement {
  #running: Running | undefined;

  connectedCallback(): void {
    this.#running ??= new Running(this);
  }

  disconnectedCallback(): void {
    // Moved within the document, it is put in again before this comes to pass.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#running?.close();
      this.#running = undefined;
    });
  }

  /** Counts these files, as if they had been dropped. */
  add(files: Iterable<File | NamedFile>): void {
    this.#running?.add([...files].map((file) => (file instanceof File ? { name: file.name, file } : file)));
  }

  /** Forgets all pages and stops what is being counted. */
  clear(): void {
    this.#running?.clear();
  }

  /** The pages counted so far, as corrected. */
  get results(): ResultPage[] {
    return resultPages(this.#running?.store.reports() ?? []);
  }

  /** How many pages there are, counted or not. */
  get size(): number {
    return this.#running?.store.pages.length ?? 0;
  }

  /** Says that a newer version of the page is there; `reload` is called when that is wanted. */
  offerUpdate(reload: () => void): void {
    this.#running?.offerUpdate(reload);
  }
}

type View = 'picture' | 'boxes' | 'pages';

/** The component while it is in a document. */
class Running {
  readonly store = new Store(DEFAULT_THRESHOLD);
  readonly #element: CheckboxCounter;
  readonly #texts: Texts;
  readonly #parts: Parts;
  readonly #pool: Pool;
  readonly #work: Work;
  readonly #viewer: Viewer;
  readonly #editor: Editor;
  readonly #list: PageList;
  readonly #stopper = new AbortController();
  #pdf: PdfReader | undefined;
  #view: View = 'picture';
  /** The threshold the module uses itself. */
  #usual = DEFAULT_THRESHOLD;
  readonly #refresh = oncePerFrame(() => this.#showSums());
  readonly #refreshAll = oncePerFrame(() => this.#showAll());

  constructor(element: CheckboxCounter) {
    this.#element = element;
    const language = element.closest('[lang]')?.getAttribute('lang');
    this.#texts = textsFor(language ? [language] : navigator.languages);
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const style = new CSSStyleSheet();
    style.replaceSync(css);
    root.adoptedStyleSheets = [style];
    root.innerHTML = template(this.#texts);
    this.#parts = new Parts(root);

    const memory = (navigator as { deviceMemory?: number }).deviceMemory;
    const addresses = { wasm: this.#address('wasm'), worker: this.#address('worker') };
    this.#pool = new Pool(poolSize(navigator.hardwareConcurrency, memory), addresses);
    const pdf = () => {
      this.#pdf ??= new PdfReader(this.#address('pdf'));
      return this.#pdf;
    };
    this.#work = new Work(this.store, this.#pool, pdf, (page) => this.#onCounted(page));
    this.#viewer = new Viewer(this.#parts, this.#texts, () => this.#editor.redraw());
    this.#editor = new Editor(this.#parts, this.#texts, this.store, this.#viewer);
    this.#list = new PageList(this.#parts.get('list'), this.#texts, (page) => this.#choose(page));
    this.store.listen((event) => this.#onStore(event));
    offer({ parts: this.#parts, texts: this.#texts, store: this.store, readable: (page) => this.#readable(page) });
    this.#listen();
    // Starting threads takes tens of milliseconds, and compiling all the cores there are: first there is something to see.
    afterPaint(() => this.load());
  }

  #address(name: string): URL | undefined {
    const given = this.#element.getAttribute(name);
    if (given === null) return undefined;
    return new URL(name === 'pdf' || name === 'samples' ? given.replace(/\/?$/, '/') : given, document.baseURI);
  }

  /** Ready before the first page is chosen. */
  load(): void {
    if (this.#stopper.signal.aborted) return;
    const t = this.#texts;
    const say = (words: string) => this.#parts.say('readiness', words);
    this.#pool
      .load((progress) => say(t.progress(progress)))
      .then(
        ({ conf }) => {
          const untouched = this.store.threshold === this.#usual;
          this.#usual = conf;
          if (untouched) this.store.setThreshold(conf);
          this.#showThreshold();
          say(t.ready);
          const { dataset } = this.#parts.get('readiness');
          dataset.ready = '';
          // A failure here is not of any page; the next call says what is the matter.
          const warm = () => {
            dataset.warm = '';
          };
          void this.#pool.warmUp().then(warm, warm);
        },
        (error) => say(error.code === 'no_wasm' ? (t.failed.no_wasm ?? '') : t.loadFailed),
      );
  }

  #listen(): void {
    const parts = this.#parts;
    const area = this.#element.hasAttribute('whole-window') ? window : this.#element;
    const onNothing = () => parts.say('strip', this.#texts.notAFile);
    const { signal } = this.#stopper;
    listen({ parts, texts: this.#texts, area, signal, onFiles: (files) => this.add(files), onNothing });
    parts.on('clear', () => this.clear());
    parts.on('stop', () => this.#work.stop(this.store.shown));
    parts.on('stop-all', () => this.#work.stop());
    parts.on('retry', () => this.store.shown && this.#work.retry(this.store.shown));
    parts.on('keys', () => parts.get('help', HTMLDialogElement).showModal());
    const slider = parts.get('threshold', HTMLInputElement);
    slider.addEventListener('input', () => this.store.setThreshold(slider.valueAsNumber));
    parts.on('threshold-reset', () => this.store.setThreshold(this.#usual));
    this.#showThreshold();
    for (const button of parts.root.querySelectorAll<HTMLElement>('.views [data-view]')) {
      button.addEventListener('click', () => this.#setView(button.dataset.view as View));
    }
    const samples = this.#address('samples');
    parts.get('samples').hidden = !samples;
    for (const button of parts.root.querySelectorAll<HTMLElement>('[data-sample]')) {
      button.addEventListener('click', () => samples && this.#addSample(new URL(button.dataset.sample ?? '', samples)));
    }
    // A phone has a camera where a file may come from; elsewhere the button would only open the same dialog again. Nor
    // does anybody drop files on a phone.
    const touch = matchMedia('(pointer: coarse)').matches;
    parts.get('take-photo').hidden = !touch;
    parts.get('choose-folder').hidden = touch;
    if (touch) parts.say('invitation', this.#texts.invitationTouch);
  }

  async #addSample(address: URL): Promise<void> {
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`HTTP status ${response.status}`);
      this.add([{ name: address.pathname.replace(/^.*\//, ''), file: await response.blob() }]);
    } catch {
      this.#parts.say('strip', this.#texts.sampleMissing);
    }
  }

  add(files: NamedFile[]): void {
    if (files.length === 0) return;
    const parts = this.#parts;
    parts.say('strip', '');
    const focusInWelcome = parts.get('welcome').contains(parts.root.activeElement);
    const first = this.store.pages.length === 0;
    const [added] = this.#work.take(files);
    parts.get('welcome').hidden = !this.#simple;
    parts.get('work').hidden = parts.get('actions').hidden = false;
    if (first || this.store.shown?.state.kind !== 'working') this.store.show(added);
    // The button that had the focus is gone; and the keys are for the picture from now on.
    if (!this.#simple && (focusInWelcome || document.activeElement === document.body)) {
      parts.get('desk').focus({ preventScroll: true });
    }
  }

  get #simple(): boolean {
    return this.#element.hasAttribute('simple');
  }

  clear(): void {
    this.#work.forget();
    this.store.clear();
    this.#pdf?.close();
    this.#pdf = undefined;
  }

  close(): void {
    this.clear();
    this.#stopper.abort();
    this.#pool.close();
  }

  offerUpdate(reload: () => void): void {
    this.#parts.get('update').hidden = false;
    this.#parts.on('reload', reload);
  }

  #choose(page: Page): void {
    if (this.#view === 'pages') this.#setView('picture');
    this.store.show(page);
  }

  #onStore(event: StoreEvent): void {
    switch (event.kind) {
      case 'pages':
        this.#list.add(event.added, event.after);
        this.#parts.get('pages').hidden = this.store.pages.length < 2 && !this.#simple;
        break;
      case 'page':
        this.#list.update(event.page, this.store.tallyOf(event.page));
        if (event.page === this.store.shown) this.#updateShown(event.page);
        if (event.corrected) this.#tell('corrected', event.page);
        break;
      case 'shown':
        this.#showPage(this.store.shown);
        break;
      case 'threshold':
        this.#showThreshold();
        this.#refreshAll();
        break;
      case 'cleared':
        this.#onCleared();
    }
    this.#refresh();
  }

  #onCleared(): void {
    const parts = this.#parts;
    this.#list.clear();
    this.#viewer.clear();
    this.#editor.reset();
    this.#setView('picture');
    for (const id of ['strip', 'news', 'out-words']) parts.say(id, '');
    const hadFocus = parts.root.activeElement !== null;
    parts.get('work').hidden = parts.get('actions').hidden = parts.get('pages').hidden = true;
    parts.get('welcome').hidden = false;
    if (hadFocus) parts.get('choose').focus();
  }

  /** A page has been counted: tell, and make its small picture. */
  #onCounted(page: Page): void {
    const tally = this.store.tallyOf(page);
    if (!tally) return;
    const t = this.#texts;
    if (this.store.pages.length === 1)
      this.#parts.say('news', t.news(page.file, t.countsOf(tally.filled, tally.empty)));
    this.#tell('counted', page);
    void this.#makeSmall(page);
  }

  async #makeSmall(page: Page): Promise<void> {
    const { state } = page;
    if (state.kind !== 'done') return;
    const { blob } = await this.#work.picture(page).catch(() => ({ blob: undefined }));
    const { height } = state.result.image;
    const drawn = () => blob && this.#pool.draw(blob, this.#stopper.signal, false).then((png) => small(png, height));
    const picture = blob && ((await small(blob, height)) ?? (await drawn()?.catch(() => undefined)));
    if (picture && this.store.pages.includes(page)) this.#list.picture(page, picture);
  }

  #tell(type: 'counted' | 'corrected', page: Page): void {
    const report = this.store.report(page);
    if (!report) return;
    const detail = resultPages([report])[0] as ResultPage;
    this.#element.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  /** A picture of the page that the browser can read: the file's own, or one that the detector draws. */
  async #readable(page: Page): Promise<Blob> {
    const { blob } = await this.#work.picture(page);
    const size = page.state.kind === 'done' ? page.state.result.image : undefined;
    const bitmap = await createImageBitmap(blob).catch(() => undefined);
    const fits = bitmap && (!size || (bitmap.width === size.width && bitmap.height === size.height));
    bitmap?.close();
    return fits ? blob : this.#pool.draw(blob, this.#stopper.signal, true);
  }

  #showPage(page: Page | undefined): void {
    this.#list.select(page);
    this.#viewer.clear();
    this.#editor.reset();
    if (!page) return;
    this.#parts.say('size', '');
    this.#drawnFor = undefined;
    this.#updateShown(page);
    this.#showTable();
  }

  /** The page whose picture has been asked for, and whether its size was known then. */
  #drawnFor: { page: Page; sized: boolean } | undefined;

  #updateShown(page: Page): void {
    const { state } = page;
    const parts = this.#parts;
    const working = state.kind === 'working';
    parts.get('progress').hidden = !working;
    if (working) {
      parts.say('progress-words', this.#texts.progress(state.progress));
      const bar = parts.get('progress-bar', HTMLProgressElement);
      const { progress } = state;
      if (progress.phase === 'loading' && progress.total) bar.value = progress.loaded / progress.total;
      else bar.removeAttribute('value');
    }
    parts.say('name', page.file);
    parts.say('number', this.#texts.pageNumber(page.number, page.of));
    this.#showTally(page);
    parts.get('failure').hidden = state.kind !== 'failed';
    if (state.kind === 'failed') {
      const { words, detail } = failureWords(this.#texts, state.code, state.detail);
      parts.say('failure-words', words);
      parts.say('failure-detail', detail);
      parts.get('retry').hidden = !mayRetry(state.code);
    } else {
      parts.say('failure-words', '');
    }
    void this.#showPicture(page);
    this.#editor.redraw();
    this.#showTable();
  }

  #showTally(page: Page): void {
    const parts = this.#parts;
    const t = this.#texts;
    const tally = this.store.tallyOf(page);
    parts.get('counts').classList.toggle('blank', !tally);
    parts.say('filled-count', String(tally?.filled ?? '–'));
    parts.say('empty-count', String(tally?.empty ?? '–'));
    parts.say('total-count', String(tally?.total ?? '–'));
    parts.say('whose', tally && tally.total === 0 ? t.nothing : '');
    parts.say('corrected', tally && tally.corrected > 0 ? t.corrected(tally.corrected) : '');
    parts.get('doubts').hidden = !tally?.uncertain;
    parts.say('uncertain-words', t.uncertain(tally?.uncertain ?? 0));
  }

  /** Shows the picture as soon as it can be made, and once the page's size is known makes sure that it fits. */
  async #showPicture(page: Page): Promise<void> {
    const { state } = page;
    if (this.#simple || !page.source) return;
    const size = state.kind === 'done' ? state.result.image : undefined;
    if (size) this.#parts.say('size', this.#texts.size(size.width, size.height));
    const before = this.#drawnFor?.page === page ? this.#drawnFor : undefined;
    if (before && (before.sized || !size)) return;
    // What a page is drawn for must not be drawn twice at once: it waits for its turn, then it is kept.
    if (!size && page.source.drawn && state.kind === 'working' && state.progress.phase === 'waiting') return;
    this.#drawnFor = { page, sized: size !== undefined };
    const same = this.#viewer.size;
    if (same && size && same.width === size.width && same.height === size.height) return;
    const own = this.#work.picture(page).then(({ blob }) => blob);
    if ((await this.#viewer.show(own, size)) || !size || this.store.shown !== page) return;
    this.#viewer.note(this.#texts.drawing);
    const drawn = own.then((blob) => this.#pool.draw(blob, this.#stopper.signal, true));
    const shown = await this.#viewer.show(drawn, size);
    if (!shown && this.store.shown === page) this.#viewer.note(this.#texts.notDrawn);
  }

  #showThreshold(): void {
    const { threshold } = this.store;
    this.#parts.get('threshold', HTMLInputElement).valueAsNumber = threshold;
    this.#parts.say('threshold-value', this.#texts.percent(threshold));
    this.#parts.get('threshold-reset').hidden = threshold === this.#usual;
  }

  /** After the threshold has moved: everything but the pictures. */
  #showAll(): void {
    for (const page of this.store.pages) this.#list.update(page, this.store.tallyOf(page));
    if (this.store.shown) this.#showTally(this.store.shown);
    this.#editor.redraw();
    this.#showTable();
  }

  #showSums(): void {
    const t = this.#texts;
    const parts = this.#parts;
    const sum = this.store.sum();
    const working = sum.all - sum.done - sum.failed;
    parts.say('sum', t.sum(sum));
    parts.get('sum-figures').replaceChildren(figures(sum.filled, sum.empty, t.countsOf(sum.filled, sum.empty)));
    parts.get('overall').hidden = working === 0;
    // Three hundred announcements would be none: of many pages the sum is told now and then, and at the end.
    if (sum.all > 1 && sum.done > 0 && (working === 0 || sum.done % 10 === 0)) {
      parts.say('news', t.newsMany(sum.done, sum.all, t.countsOf(sum.filled, sum.empty)));
    }
    const bar = parts.get('overall-bar', HTMLProgressElement);
    bar.max = Math.max(1, sum.all);
    bar.value = sum.done + sum.failed;
    // Not `disabled`: a button that has just been pressed would lose the focus, and with it the keys their place.
    parts.get('undo').ariaDisabled = String(!this.store.canUndo);
    parts.get('redo').ariaDisabled = String(!this.store.canRedo);
    for (const id of ['copy', 'csv-counts', 'csv-boxes', 'json', 'zip', 'print']) {
      parts.get(id, HTMLButtonElement).disabled = sum.done === 0;
    }
    parts.get('png', HTMLButtonElement).disabled = this.store.shown?.state.kind !== 'done';
    const elsewhere = this.store.pages.filter(
      (page) =>
        page.state.kind === 'failed' && page.state.code !== 'cancelled' && (page !== this.store.shown || this.#simple),
    );
    if (sum.all === 0) return;
    const names = elsewhere.map(({ file, number, of }) => t.pageName(file, number, of));
    parts.say('strip', names.length > 0 ? t.failures(names) : '');
    if (this.#view === 'pages') this.#showTable();
  }

  #setView(view: View): void {
    this.#view = view;
    const parts = this.#parts;
    for (const button of parts.root.querySelectorAll<HTMLElement>('.views [data-view]')) {
      button.setAttribute('aria-pressed', String(button.dataset.view === view));
    }
    parts.get('viewer').dataset.view = view;
    parts.get('desk').hidden = view !== 'picture';
    parts.get('tables').hidden = view === 'picture';
    this.#showTable();
  }

  #showTable(): void {
    if (this.#view === 'picture') return;
    const holder = this.#parts.get('tables');
    const report = this.store.shown && this.store.report(this.store.shown);
    const pages = this.store.pages.filter(({ state }) => state.kind === 'done');
    // The button that was pressed is made anew, and keeps the focus.
    const focused = this.#parts.root.activeElement as HTMLElement | null;
    const again = holder.contains(focused) ? focused?.dataset.act : undefined;
    if (this.#view === 'pages') {
      const show = (index: number) => pages[index] && this.#choose(pages[index]);
      holder.replaceChildren(pageTable(this.store.reports(), this.#texts, show));
    } else if (report) {
      holder.replaceChildren(boxTable(report, this.#texts, this.#boxActions()));
    } else {
      holder.replaceChildren();
    }
    if (again) holder.querySelector<HTMLElement>(`[data-act="${again}"]`)?.focus();
  }

  #boxActions(): Parameters<typeof boxTable>[2] {
    const edit = (kind: 'flip' | 'remove') => (box: { id: string }) => {
      if (this.store.shown) this.store.edit(this.store.shown, { kind, id: box.id });
    };
    return {
      flip: edit('flip'),
      remove: (box) => {
        edit('remove')(box);
        this.#parts.get('tables').focus({ preventScroll: true });
        this.#parts.say('news', this.#texts.removed);
      },
      show: (box) => {
        this.#setView('picture');
        this.#parts.get('desk').focus({ preventScroll: true });
        this.#editor.select(box.id);
      },
    };
  }
}

if (!customElements.get('checkbox-counter')) customElements.define('checkbox-counter', CheckboxCounter);

declare global {
  interface HTMLElementTagNameMap {
    'checkbox-counter': CheckboxCounter;
  }
}
