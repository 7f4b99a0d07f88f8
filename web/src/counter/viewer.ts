/** The picture of a page: fitted in, zoomed and moved with wheel, fingers and keys. What lies on it is the editor's. */
import type { Parts } from './dom.js';
import { oncePerFrame } from './dom.js';
import { fitScale, stepScale } from './shapes.js';
import type { Texts } from './texts.js';

interface Size {
  width: number;
  height: number;
}

interface Point {
  x: number;
  y: number;
}

/** A finger or a mouse has to move so far, in pixels of the screen, before it drags instead of clicking. */
const DRAG = 5;

export class Viewer {
  readonly stage: HTMLElement;
  readonly #parts: Parts;
  readonly #texts: Texts;
  readonly #desk: HTMLElement;
  #image: HTMLImageElement | undefined;
  #size: Size | undefined;
  /** Pixels of the screen to a pixel of the picture; undefined while the picture is fitted in. */
  #scale: number | undefined;
  /** Counts what is shown, so that a picture that comes late is not shown over the next one. */
  #turn = 0;
  #dragged = false;
  readonly #onLayout: () => void;

  /** @param onLayout called when size or scale have changed */
  constructor(parts: Parts, texts: Texts, onLayout: () => void) {
    this.#parts = parts;
    this.#texts = texts;
    this.#desk = parts.get('desk');
    this.stage = parts.get('stage');
    this.#onLayout = onLayout;
    parts.on('zoom-in', () => this.step(1));
    parts.on('zoom-out', () => this.step(-1));
    parts.on('zoom-fit', () => this.fit());
    new ResizeObserver(oncePerFrame(() => this.#layOut())).observe(this.#desk);
    this.#listenToWheel();
    this.#listenToPointers();
  }

  /** Size of the page in pixels; undefined while nothing is shown. */
  get size(): Size | undefined {
    return this.#size;
  }

  get scale(): number {
    return this.#size ? this.stage.getBoundingClientRect().width / this.#size.width : 1;
  }

  /** True right after a drag: the click that ends it is none. */
  get dragged(): boolean {
    return this.#dragged;
  }

  /** Where on the page something on the screen is. */
  toPage({ clientX, clientY }: { clientX: number; clientY: number }): Point {
    const { left, top } = this.stage.getBoundingClientRect();
    return { x: (clientX - left) / this.scale, y: (clientY - top) / this.scale };
  }

  /** The middle of what is visible, on the page. */
  middle(): Point {
    const { left, top } = this.#desk.getBoundingClientRect();
    return this.toPage({
      clientX: left + this.#desk.clientWidth / 2,
      clientY: top + this.#desk.clientHeight / 2,
    });
  }

  clear(): void {
    this.#turn += 1;
    this.stage.replaceChildren();
    if (this.#image) URL.revokeObjectURL(this.#image.src);
    this.#image = this.#size = this.#scale = undefined;
    this.#parts.get('viewer').classList.add('blank');
    this.note('');
  }

  /**
   * Shows what the browser can read of these, the first that it can.
   * @param size of the page, where it is known: a picture of another shape is not it
   * @returns whether it is shown
   */
  async show(picture: Promise<Blob>, size: Size | undefined): Promise<boolean> {
    const turn = this.#turn;
    const image = await picture.then(load).catch(() => undefined);
    if (!image) return false;
    const own = { width: image.naturalWidth, height: image.naturalHeight };
    // A width that differs means that browser and detector disagree about which side is up: then the boxes would lie wrong.
    // A height may be larger: the detector writes the counts under what it draws.
    const fits = !size || (own.width === size.width && own.height >= size.height);
    if (turn !== this.#turn || !fits) {
      URL.revokeObjectURL(image.src);
      return turn !== this.#turn;
    }
    if (this.#image) URL.revokeObjectURL(this.#image.src);
    this.#image = image;
    this.#size = size ?? own;
    this.stage.querySelector('.paper')?.remove();
    const paper = document.createElement('div');
    paper.className = 'paper';
    paper.append(image);
    this.stage.prepend(paper);
    this.#parts.get('viewer').classList.remove('blank');
    this.note('');
    this.#layOut();
    return true;
  }

  note(words: string): void {
    this.#parts.say('note', words);
    this.#parts.get('note').hidden = words === '';
  }

  step(direction: 1 | -1): void {
    if (this.#size) this.#zoomTo(stepScale(this.#current(), this.#fitting(), direction));
  }

  fit(): void {
    this.#scale = undefined;
    this.#layOut();
  }

  /** Brings a part of the page into view, enlarged where it would be too small to judge. */
  reveal({ x1, y1, x2, y2 }: { x1: number; y1: number; x2: number; y2: number }): void {
    if (!this.#size) return;
    const side = Math.max(x2 - x1, y2 - y1);
    if (side * this.#current() < 14) {
      this.#scale = 20 / side;
      this.#layOut();
    }
    const scale = this.#current();
    const desk = this.#desk.getBoundingClientRect();
    const stage = this.stage.getBoundingClientRect();
    const margin = 60;
    const shift = (start: number, end: number, length: number) =>
      start < margin ? start - margin : end > length - margin ? end - length + margin : 0;
    const left = stage.left - desk.left + x1 * scale;
    const top = stage.top - desk.top + y1 * scale;
    this.#desk.scrollBy({
      left: shift(left, left + (x2 - x1) * scale, desk.width),
      top: shift(top, top + (y2 - y1) * scale, desk.height),
      behavior: 'instant',
    });
  }

  #current(): number {
    return this.#scale ?? this.#fitting();
  }

  #fitting(): number {
    return this.#size ? fitScale(this.#size, this.#frame()) : 1;
  }

  /**
   * @param at a place on the screen; the middle by default
   * @param point of the page that is to be there then; by default the one that is there now
   */
  #zoomTo(scale: number, at?: { clientX: number; clientY: number }, point?: Point): void {
    if (!this.#size) return;
    const desk = this.#desk.getBoundingClientRect();
    const anchor = at ?? { clientX: desk.left + desk.width / 2, clientY: desk.top + desk.height / 2 };
    const { x, y } = point ?? this.toPage(anchor);
    this.#scale = scale;
    this.#layOut();
    const { left, top } = this.stage.getBoundingClientRect();
    this.#desk.scrollBy({
      left: left + x * scale - anchor.clientX,
      top: top + y * scale - anchor.clientY,
      behavior: 'instant',
    });
  }

  /** Room for the picture: the desk less its padding. On a narrow screen the desk grows with the picture. */
  #frame(): Size {
    const style = getComputedStyle(this.#desk);
    const grows = style.getPropertyValue('--grows') === 'yes';
    const room = (length: number, ...paddings: string[]) =>
      Math.max(
        1,
        paddings.reduce((rest, padding) => rest - Number.parseFloat(padding), length),
      );
    return {
      width: room(this.#desk.clientWidth, style.paddingLeft, style.paddingRight),
      height: grows ? Number.POSITIVE_INFINITY : room(this.#desk.clientHeight, style.paddingTop, style.paddingBottom),
    };
  }

  #layOut(): void {
    if (!this.#size || this.#desk.clientWidth === 0) return;
    const scale = this.#current();
    this.stage.style.width = `${this.#size.width * scale}px`;
    this.stage.style.height = `${this.#size.height * scale}px`;
    this.#parts.say('zoom-fit', this.#texts.percent(scale));
    this.#parts.get('zoom-fit').ariaLabel = `${this.#texts.percent(scale)}, ${this.#texts.zoomFit}`;
    this.#onLayout();
  }

  /** The wheel moves the picture, as everywhere; with Ctrl, which is also how a touchpad reports a pinch, it zooms. */
  #listenToWheel(): void {
    let waiting: { factor: number; at: { clientX: number; clientY: number } } | undefined;
    const zoom = oncePerFrame(() => {
      if (waiting && this.#size) this.#zoomBy(this.#current(), waiting.factor, waiting.at);
      waiting = undefined;
    });
    this.#desk.addEventListener(
      'wheel',
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const factor = Math.exp(-Math.max(-50, Math.min(50, event.deltaY)) / 100);
        const { clientX, clientY } = event;
        waiting = { factor: (waiting?.factor ?? 1) * factor, at: { clientX, clientY } };
        zoom();
      },
      { passive: false },
    );
  }

  #zoomBy(from: number, factor: number, at: { clientX: number; clientY: number }, point?: Point): void {
    const fit = this.#fitting();
    this.#zoomTo(Math.min(Math.max(from * factor, fit / 10), Math.max(8, fit)), at, point);
  }

  /** One mouse drags, two fingers pinch; one finger moves the picture by itself, as it scrolls anything. */
  #listenToPointers(): void {
    const down = new Map<number, PointerEvent>();
    let pinch: { distance: number; scale: number; point: Point } | undefined;
    let start: { x: number; y: number; left: number; top: number } | undefined;
    const fingers = () => {
      const [a, b] = [...down.values()] as [PointerEvent, PointerEvent];
      const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
      return { distance: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY), middle };
    };
    // Else the browser may take two fingers that wander off together for its own scrolling, and end the pinch.
    const onTouch = (event: TouchEvent) => {
      if (event.touches.length === 2 && event.cancelable) event.preventDefault();
    };
    for (const type of ['touchstart', 'touchmove'] as const) {
      this.#desk.addEventListener(type, onTouch, { passive: false });
    }
    this.#desk.addEventListener('pointerdown', (event) => {
      down.set(event.pointerId, event);
      this.#dragged = false;
      if (down.size === 2) {
        const { distance, middle } = fingers();
        pinch = { distance, scale: this.#current(), point: this.toPage(middle) };
      } else if (event.pointerType === 'mouse' && event.button === 0 && !this.stage.classList.contains('drawing')) {
        start = { x: event.clientX, y: event.clientY, left: this.#desk.scrollLeft, top: this.#desk.scrollTop };
      }
    });
    this.#desk.addEventListener('pointermove', (event) => {
      if (!down.has(event.pointerId)) return;
      down.set(event.pointerId, event);
      if (pinch && down.size === 2) {
        const { distance, middle } = fingers();
        this.#dragged = true;
        this.#zoomBy(pinch.scale, distance / Math.max(1, pinch.distance), middle, pinch.point);
      } else if (start) {
        const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
        if (!this.#dragged && Math.hypot(dx, dy) < DRAG) return;
        if (!this.#dragged) this.#desk.setPointerCapture(event.pointerId);
        this.#dragged = true;
        this.#desk.scrollTo({ left: start.left - dx, top: start.top - dy, behavior: 'instant' });
      }
    });
    const up = (event: PointerEvent) => {
      down.delete(event.pointerId);
      pinch = start = undefined;
    };
    this.#desk.addEventListener('pointerup', up);
    this.#desk.addEventListener('pointercancel', up);
  }
}

/** The picture as an element, upright as its EXIF data say; undefined where the browser cannot read it. */
async function load(file: Blob): Promise<HTMLImageElement | undefined> {
  const image = new Image();
  image.alt = '';
  image.draggable = false;
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return image;
  } catch {
    URL.revokeObjectURL(image.src);
    return undefined;
  }
}
