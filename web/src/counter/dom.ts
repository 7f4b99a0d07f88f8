/** Access to the elements of the component's template, and the making of others. */

/** The elements of a root by their ids. */
export class Parts {
  readonly root: ShadowRoot;

  constructor(root: ShadowRoot) {
    this.root = root;
  }

  /** The element with this id; its absence is a fault of the template itself. */
  get(id: string): HTMLElement;
  get<T extends HTMLElement>(id: string, type: new () => T): T;
  get(id: string, type: new () => HTMLElement = HTMLElement): HTMLElement {
    const found = this.root.getElementById(id);
    if (!(found instanceof type)) throw new Error(`the template has no ${type.name} #${id}`);
    return found;
  }

  /** Sets the text only where it differs, so that a live region speaks once. */
  say(id: string, words: string): void {
    const target = this.get(id);
    if (target.textContent !== words) target.textContent = words;
  }

  on(id: string, act: () => void): void {
    this.get(id).addEventListener('click', act);
  }
}

export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Record<string, string | number>,
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** One of the two marks of the template's `symbols`. */
export function mark(kind: 'filled' | 'empty'): SVGSVGElement {
  const holder = svg('svg', { class: `mark ${kind}`, 'aria-hidden': 'true' });
  holder.append(svg('use', { href: `#${kind}-mark` }));
  return holder;
}

/** The two counts beside their marks, and the same in words for those who do not see the marks. */
export function figures(filled: number, empty: number, words: string): DocumentFragment {
  const spoken = make('span', { className: 'unseen' }, words);
  const shown = make('span', { className: 'figures', ariaHidden: 'true' });
  shown.append(mark('filled'), String(filled), mark('empty'), String(empty));
  const both = document.createDocumentFragment();
  both.append(spoken, shown);
  return both;
}

/** Runs `act` once before the next picture on the screen, however often it is asked for. */
export function oncePerFrame(act: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const run = () => {
      asked = false;
      act();
    };
    // A hidden tab draws no frames, but goes on counting.
    if (document.hidden) setTimeout(run);
    else requestAnimationFrame(run);
  };
}

/** Runs `act` once what has been made so far is on the screen. */
export function afterPaint(act: () => void): void {
  oncePerFrame(() => setTimeout(act))();
}
