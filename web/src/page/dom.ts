/** Access to the elements that index.html holds. */

/** The element with this id; its absence is a fault of the page itself. */
export function element(id: string): HTMLElement;
export function element<T extends HTMLElement>(id: string, type: new () => T): T;
export function element(id: string, type: new () => HTMLElement = HTMLElement): HTMLElement {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}

/** Sets the text only where it differs, so that a live region speaks once. */
export function say(id: string, words: string): void {
  const target = element(id);
  if (target.textContent !== words) target.textContent = words;
}

export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Record<string, string | number>,
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** One of the two marks of index.html's `symbols`. */
function mark(kind: 'filled' | 'empty'): SVGSVGElement {
  const holder = svg('svg', { class: `mark ${kind}`, 'aria-hidden': 'true' });
  holder.append(svg('use', { href: `#${kind}-mark` }));
  return holder;
}

/** The two counts beside their marks, and the same in words for those who do not see the marks. */
export function figures(filled: number, empty: number, words: string): DocumentFragment {
  const spoken = document.createElement('span');
  spoken.className = 'unseen';
  spoken.textContent = words;
  const shown = document.createElement('span');
  shown.className = 'figures';
  shown.ariaHidden = 'true';
  shown.append(mark('filled'), String(filled), mark('empty'), String(empty));
  const both = document.createDocumentFragment();
  both.append(spoken, shown);
  return both;
}
