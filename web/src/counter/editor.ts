/** The boxes over the picture: drawn crisp at every zoom, selected, flipped, deleted, drawn by hand. */
import type { BoundingBox } from '../lib/types.js';
import { type Box, boxesOf, isUncertain, neighbour, nextUncertain } from './boxes.js';
import { type Parts, svg } from './dom.js';
import { areFine, hit, nudged, rectangle, shapeOf, usualSide } from './shapes.js';
import type { Page, Store } from './store.js';
import type { Texts } from './texts.js';
import type { Viewer } from './viewer.js';

/** So far from a box, in pixels of the screen, it is still hit; with a finger farther. */
const REACH = { mouse: 4, touch: 14 };
/** A frame smaller than this on the screen was meant as a click. */
const LEAST_FRAME = 6;

export class Editor {
  readonly #parts: Parts;
  readonly #texts: Texts;
  readonly #store: Store;
  readonly #viewer: Viewer;
  #overlay: SVGSVGElement | undefined;
  #selected: string | undefined;
  #drawing = false;

  constructor(parts: Parts, texts: Texts, store: Store, viewer: Viewer) {
    this.#parts = parts;
    this.#texts = texts;
    this.#store = store;
    this.#viewer = viewer;
    parts.on('undo', () => store.undo());
    parts.on('redo', () => store.redo());
    parts.on('draw', () => this.#setDrawing(!this.#drawing));
    parts.on('next-uncertain', () => {
      parts.get('desk').focus({ preventScroll: true });
      this.#walk(1);
    });
    parts.on('selection-flip', () => this.#edit('flip'));
    parts.on('selection-remove', () => this.#edit('remove'));
    parts.on('selection-keep', () => this.#confirm());
    const boxes = parts.get('boxes');
    parts.on('boxes', () => {
      const pressed = boxes.getAttribute('aria-pressed') !== 'true';
      boxes.setAttribute('aria-pressed', String(pressed));
      viewer.stage.classList.toggle('bare', !pressed);
    });
    parts.get('viewer').addEventListener('keydown', (event) => this.#onKey(event));
    this.#listenToPointer();
  }

  /** The boxes of the page that is shown. */
  #boxes(): Box[] {
    const page = this.#page();
    return page?.state.kind === 'done' ? boxesOf(page.state.result, page.corrections, this.#store.threshold) : [];
  }

  #page(): Page | undefined {
    const page = this.#store.shown;
    return page?.state.kind === 'done' ? page : undefined;
  }

  /** Another page is shown. */
  reset(): void {
    this.#selected = undefined;
    this.#overlay = undefined;
    this.#setDrawing(false);
  }

  select(id: string | undefined, reveal = true): void {
    this.#selected = id;
    const box = this.#boxes().find((box) => box.id === id);
    if (box && reveal) this.#viewer.reveal(box.bbox);
    this.redraw();
  }

  redraw(): void {
    const { size, scale } = this.#viewer;
    const page = this.#page();
    // Without a scale nothing is laid out: another view is shown.
    if (!size || !page || scale === 0) {
      this.#overlay?.remove();
      this.#overlay = undefined;
      this.#parts.get('selection').hidden = true;
      return;
    }
    const boxes = this.#boxes();
    if (!boxes.some(({ id }) => id === this.#selected)) this.#selected = undefined;
    const { filled, empty } = this.#store.tallyOf(page) ?? { filled: 0, empty: 0 };
    const overlay = svg('svg', {
      class: areFine(boxes, scale) ? 'overlay fine' : 'overlay',
      viewBox: `0 0 ${size.width} ${size.height}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': this.#texts.countsOf(filled, empty),
    });
    for (const box of boxes) overlay.append(this.#drawn(box, scale));
    if (this.#overlay?.isConnected) this.#overlay.replaceWith(overlay);
    else this.#viewer.stage.append(overlay);
    this.#overlay = overlay;
    this.#saySelected(boxes);
  }

  #drawn(box: Box, scale: number): SVGGElement {
    const uncertain = isUncertain(box, this.#store.threshold);
    const shape = shapeOf(box, scale);
    const classes = [
      shape.filled ? 'filled' : 'empty',
      uncertain && 'uncertain',
      box.source !== 'network' && 'corrected',
    ];
    const group = svg('g', { class: classes.filter(Boolean).join(' ') });
    const title = svg('title', {});
    title.textContent = this.#describe(box);
    const { x, y, width, height, radius } = shape;
    if (box.id === this.#selected) {
      group.classList.add('selected');
      const gap = 5 / scale;
      group.append(
        svg('rect', {
          class: 'ring',
          x: x - gap,
          y: y - gap,
          width: width + 2 * gap,
          height: height + 2 * gap,
          rx: gap,
        }),
      );
    }
    group.append(title, svg('rect', { class: 'box', x, y, width, height, rx: radius }));
    if (shape.badge) {
      const { x: cx, y: cy, radius: r } = shape.badge;
      const tick = `M${cx - 0.45 * r} ${cy}l${0.33 * r} ${0.36 * r}l${0.58 * r} ${-0.66 * r}`;
      group.append(svg('circle', { cx, cy, r }), svg('path', { d: tick }));
    }
    if (uncertain) {
      const side = 11 / scale;
      const question = svg('text', { x: x - 0.2 * side, y: y + 0.3 * side, 'font-size': side, 'text-anchor': 'end' });
      question.textContent = '?';
      group.append(question);
    }
    return group;
  }

  #describe(box: Box): string {
    const t = this.#texts;
    const notes = [
      box.source === 'drawn' ? '' : t.sure(box.confidence),
      isUncertain(box, this.#store.threshold) ? t.isUncertain : '',
      box.source === 'network' && box.kept ? t.confirmed : t.source[box.source],
    ];
    return [t.state[box.class], ...notes.filter(Boolean)].join(', ');
  }

  #saySelected(boxes: readonly Box[]): void {
    const at = boxes.findIndex(({ id }) => id === this.#selected);
    const box = boxes[at];
    const page = this.#page();
    this.#parts.get('selection').hidden = false;
    for (const id of ['selection-flip', 'selection-remove', 'selection-keep']) this.#parts.get(id).hidden = !box;
    if (!box || !page) {
      const { drawHint, hint, hintDraw } = this.#texts;
      this.#parts.say('selection-words', this.#drawing ? drawHint : boxes.length > 0 ? hint : hintDraw);
      return;
    }
    this.#parts.get('selection-keep').hidden = box.kept;
    const label = this.#store.report(page)?.boxes[at]?.label;
    const words = [this.#texts.selected(at + 1, boxes.length), this.#describe(box), label].filter(Boolean);
    this.#parts.say('selection-words', words.join(' · '));
  }

  #setDrawing(drawing: boolean): void {
    this.#drawing = drawing;
    this.#parts.get('draw').setAttribute('aria-pressed', String(drawing));
    this.#viewer.stage.classList.toggle('drawing', drawing);
    this.redraw();
  }

  #edit(kind: 'flip' | 'remove' | 'keep'): void {
    const page = this.#page();
    const id = this.#selected;
    if (!page || id === undefined) return;
    // The button may go with the box.
    const focusInBar = this.#parts.get('selection').contains(this.#parts.root.activeElement);
    this.#store.edit(page, { kind, id });
    if (kind === 'remove') {
      this.#selected = undefined;
      this.#parts.say('news', this.#texts.removed);
    }
    this.redraw();
    if (focusInBar && kind !== 'flip') this.#parts.get('desk').focus({ preventScroll: true });
  }

  /** The box is right; on to the next one that may not be. */
  #confirm(): void {
    const box = this.#boxes().find(({ id }) => id === this.#selected);
    if (!box) return;
    if (!box.kept) this.#edit('keep');
    if (nextUncertain(this.#boxes(), this.#selected, this.#store.threshold, 1)) this.#walk(1);
  }

  #walk(step: 1 | -1): void {
    const next = nextUncertain(this.#boxes(), this.#selected, this.#store.threshold, step);
    if (next) this.select(next.id);
    else this.#parts.say('news', this.#texts.noUncertain);
  }

  #add(bbox: BoundingBox): void {
    const page = this.#page();
    if (!page) return;
    this.#store.edit(page, { kind: 'draw', class: 'filled_checkbox', bbox });
    this.select(page.corrections.drawn.at(-1)?.id, false);
    this.#parts.say('news', this.#texts.drawn);
  }

  /** A box of the usual size around a point. */
  #addAt({ x, y }: { x: number; y: number }): void {
    const { size } = this.#viewer;
    if (!size) return;
    const half = usualSide(this.#boxes(), size) / 2;
    this.#add(rectangle({ x: x - half, y: y - half }, { x: x + half, y: y + half }, size));
  }

  #onKey(event: KeyboardEvent): void {
    if (this.#onUndoKey(event)) {
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A button does what is written on it; tables scroll.
    const target = event.target as HTMLElement;
    const onButton = target.closest('button') !== null;
    if (onButton && (event.key === ' ' || event.key === 'Enter')) return;
    if (target.closest('#tables')) return;
    if (this.#act(event, event.shiftKey ? -1 : 1)) event.preventDefault();
  }

  #onUndoKey(event: KeyboardEvent): boolean {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return false;
    const key = event.key.toLowerCase();
    if (key === 'z' && !event.shiftKey) this.#store.undo();
    else if (key === 'y' || (key === 'z' && event.shiftKey)) this.#store.redo();
    else return false;
    return true;
  }

  /** @returns whether the key meant something */
  #act(event: KeyboardEvent, step: 1 | -1): boolean {
    switch (event.key.length === 1 ? event.key.toLowerCase() : event.key) {
      case '+':
      case '=':
        this.#viewer.step(1);
        return true;
      case '-':
      case '_':
        this.#viewer.step(-1);
        return true;
      case '0':
        this.#viewer.fit();
        return true;
      case 'j':
        return this.#turnPage(1);
      case 'k':
        return this.#turnPage(-1);
      case 'n':
        this.#walk(step);
        return true;
      case 'b':
        this.select(neighbour(this.#boxes(), this.#selected, step)?.id);
        return true;
      case 'd':
        this.#setDrawing(!this.#drawing);
        return true;
      case 'Escape':
        if (this.#drawing) this.#setDrawing(false);
        else if (this.#selected !== undefined) this.select(undefined);
        else return false;
        return true;
      case 'Enter':
        if (this.#drawing) this.#addAt(this.#viewer.middle());
        else this.#confirm();
        return true;
    }
    return this.#selected !== undefined && this.#actOnSelected(event);
  }

  #turnPage(step: 1 | -1): boolean {
    const page = this.#store.beside(step);
    if (page) this.#store.show(page);
    return true;
  }

  #actOnSelected(event: KeyboardEvent): boolean {
    if (event.key === ' ') this.#edit('flip');
    else if (event.key === 'Delete' || event.key === 'Backspace') this.#edit('remove');
    else return this.#nudge(event);
    return true;
  }

  /** Arrow keys move a box drawn by hand by a pixel of the screen, with Shift its lower right corner. */
  #nudge({ key, shiftKey }: KeyboardEvent): boolean {
    const directions: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const direction = directions[key];
    const page = this.#page();
    const { size, scale } = this.#viewer;
    const box = this.#boxes().find(({ id }) => id === this.#selected);
    if (!direction || !page || !size || box?.source !== 'drawn') return false;
    const [dx, dy] = direction.map((way) => (2 * way) / scale) as [number, number];
    const bbox = nudged(box.bbox, dx, dy, shiftKey, size);
    this.#store.edit(page, { kind: 'move', id: box.id, bbox }, `move ${box.id}`);
    this.select(box.id);
    return true;
  }

  #listenToPointer(): void {
    const { stage } = this.#viewer;
    let from: { x: number; y: number } | undefined;
    let frame: SVGRectElement | undefined;
    stage.addEventListener('click', (event) => {
      if (this.#viewer.dragged || this.#drawing) return;
      const page = this.#page();
      if (!page || this.#viewer.stage.classList.contains('bare')) return;
      const touch = (event as PointerEvent).pointerType === 'touch';
      const reach = (touch ? REACH.touch : REACH.mouse) / this.#viewer.scale;
      const box = hit(this.#boxes(), this.#viewer.toPage(event), reach);
      if (box) this.#store.edit(page, { kind: 'flip', id: box.id });
      this.select(box?.id, false);
    });
    stage.addEventListener('pointerdown', (event) => {
      if (!this.#drawing || event.button !== 0 || !this.#page()) return;
      from = this.#viewer.toPage(event);
      frame = svg('rect', { class: 'frame' });
      this.#overlay?.append(frame);
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener('pointermove', (event) => {
      const { size } = this.#viewer;
      if (!from || !frame || !size) return;
      const { x1, y1, x2, y2 } = rectangle(from, this.#viewer.toPage(event), size);
      for (const [name, value] of Object.entries({ x: x1, y: y1, width: x2 - x1, height: y2 - y1 })) {
        frame.setAttribute(name, String(value));
      }
    });
    const end = (event: PointerEvent, made: boolean) => {
      const { size, scale } = this.#viewer;
      const start = from;
      frame?.remove();
      from = frame = undefined;
      if (!start || !size || !made) return;
      const bbox = rectangle(start, this.#viewer.toPage(event), size);
      const side = Math.min(bbox.x2 - bbox.x1, bbox.y2 - bbox.y1) * scale;
      if (side < LEAST_FRAME) this.#addAt(start);
      else this.#add(bbox);
    };
    stage.addEventListener('pointerup', (event) => end(event, true));
    stage.addEventListener('pointercancel', (event) => end(event, false));
  }
}
