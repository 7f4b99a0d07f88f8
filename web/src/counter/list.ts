/** The list of pages, one row each with a small picture; touched row by row, so that hundreds of pages stay quick. */
import type { Tally } from './boxes.js';
import { figures, make } from './dom.js';
import type { Page } from './store.js';
import type { Texts } from './texts.js';

interface Row {
  item: HTMLLIElement;
  button: HTMLButtonElement;
  image: HTMLImageElement;
  name: HTMLSpanElement;
  state: HTMLSpanElement;
  /** The counts that the row shows. */
  shown: string;
}

export class PageList {
  readonly #list: HTMLElement;
  readonly #texts: Texts;
  readonly #rows = new Map<number, Row>();
  readonly #onSelect: (page: Page) => void;

  constructor(list: HTMLElement, texts: Texts, onSelect: (page: Page) => void) {
    this.#list = list;
    this.#texts = texts;
    this.#onSelect = onSelect;
  }

  /** Puts rows for these pages after that one's row, or first. */
  add(pages: readonly Page[], after: Page | undefined): void {
    const items = pages.map((page) => this.#row(page));
    const before = after && this.#rows.get(after.id)?.item;
    if (before) before.after(...items);
    else this.#list.prepend(...items);
    for (const page of pages) this.update(page, undefined);
  }

  #row(page: Page): HTMLLIElement {
    const image = make('img', { className: 'small-page', alt: '', hidden: true, decoding: 'async' });
    const name = make('span', { className: 'row-name' });
    const state = make('span', { className: 'row-state' });
    const button = make(
      'button',
      { type: 'button', className: 'row' },
      make('span', { className: 'thumb' }, image),
      name,
    );
    button.append(state);
    button.addEventListener('click', () => this.#onSelect(page));
    const item = make('li', {}, button);
    this.#rows.set(page.id, { item, button, image, name, state, shown: '' });
    return item;
  }

  /** @param tally of a page that has been counted */
  update(page: Page, tally: Tally | undefined): void {
    const row = this.#rows.get(page.id);
    if (!row) return;
    const name = this.#texts.pageName(page.file, page.number, page.of);
    if (row.name.title !== name) {
      row.name.title = name;
      row.name.replaceChildren(...this.#nameParts(page));
    }
    const { state } = page;
    row.button.dataset.state = state.kind;
    row.button.classList.toggle('doubtful', (tally?.uncertain ?? 0) > 0);
    const counts = tally ? this.#texts.countsOf(tally.filled, tally.empty) : '';
    if (tally) {
      // The threshold touches every row, and changes few.
      if (row.shown !== counts) row.state.replaceChildren(figures(tally.filled, tally.empty, counts));
    } else if (state.kind === 'failed') {
      row.state.textContent = this.#texts.states.failed;
    } else if (state.kind === 'working') {
      const words =
        state.progress.phase === 'waiting' ? this.#texts.states.waiting : this.#texts.progress(state.progress);
      if (row.state.textContent !== words) row.state.textContent = words;
    }
    row.shown = counts;
  }

  /** The page's number stays to be seen where a long name is cut. */
  #nameParts({ file, number, of }: Page): (Node | string)[] {
    if (of === 1) return [make('span', { className: 'row-file' }, file)];
    return [
      make('span', { className: 'row-file' }, file),
      make('span', { className: 'row-page' }, this.#texts.pageNumber(number, of)),
    ];
  }

  picture(page: Page, small: Blob): void {
    const row = this.#rows.get(page.id);
    if (!row || row.image.src) return;
    row.image.src = URL.createObjectURL(small);
    row.image.hidden = false;
  }

  select(page: Page | undefined): void {
    for (const [id, { button }] of this.#rows) {
      if (id === page?.id) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    }
    if (page) this.#rows.get(page.id)?.item.scrollIntoView({ block: 'nearest' });
  }

  clear(): void {
    for (const { image } of this.#rows.values()) if (image.src) URL.revokeObjectURL(image.src);
    this.#rows.clear();
    this.#list.replaceChildren();
  }
}
