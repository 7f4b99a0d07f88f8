/** The list of pictures, one row each; touched row by row, so that hundreds of pictures stay quick. */
import { element, figures } from './dom.js';
import type { Picture } from './pictures.js';
import { texts } from './texts.js';

interface Row {
  item: HTMLLIElement;
  button: HTMLButtonElement;
  state: HTMLSpanElement;
}

export class PictureList {
  readonly #list = element('list');
  readonly #rows = new Map<number, Row>();
  readonly #onSelect: (picture: Picture) => void;

  constructor(onSelect: (picture: Picture) => void) {
    this.#onSelect = onSelect;
  }

  add(picture: Picture): void {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'row';
    button.addEventListener('click', () => this.#onSelect(picture));
    const name = document.createElement('span');
    name.className = 'row-name';
    name.textContent = name.title = picture.name;
    const state = document.createElement('span');
    state.className = 'row-state';
    button.append(name, state);
    item.append(button);
    this.#list.append(item);
    this.#rows.set(picture.id, { item, button, state });
    this.update(picture);
  }

  update({ id, state }: Picture): void {
    const row = this.#rows.get(id);
    if (!row) return;
    row.button.dataset.state = state.kind;
    if (state.kind === 'done') {
      const { filled_checkbox: filled, empty_checkbox: empty } = state.result.counts;
      row.state.replaceChildren(figures(filled, empty, texts.counts(filled, empty)));
    } else if (state.kind === 'failed') {
      row.state.textContent = texts.states.failed;
    } else {
      const { phase } = state.progress;
      row.state.textContent = phase === 'waiting' ? texts.states.waiting : texts.progress(state.progress);
    }
  }

  select(picture: Picture | undefined): void {
    for (const [id, { button }] of this.#rows) {
      if (id === picture?.id) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    }
  }

  clear(): void {
    this.#rows.clear();
    this.#list.replaceChildren();
  }
}
