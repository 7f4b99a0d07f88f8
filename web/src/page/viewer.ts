/** The picture with its boxes, zoomable. */
import type { DetectionResult } from '../lib/index.js';
import { element, say, svg } from './dom.js';
import { areFine, fitScale, shapeOf, stepScale } from './shapes.js';
import { texts } from './texts.js';

interface Size {
  width: number;
  height: number;
}

/** Draws a picture that the browser cannot show: gives the bytes of a PNG file with the boxes in it. */
export type Draw = () => Promise<Blob>;

export class Viewer {
  readonly #desk = element('desk');
  readonly #stage = element('stage');
  /** Settled once the browser has tried to read the picture. */
  #shown: Promise<void> = Promise.resolve();
  #image: HTMLImageElement | undefined;
  #overlay: SVGSVGElement | undefined;
  #result: DetectionResult | undefined;
  #size: Size | undefined;
  /** Pixels of the screen to a pixel of the picture; undefined while the picture is fitted in. */
  #scale: number | undefined;
  /** Counts what is shown, so that an answer that comes late is not shown over the next picture. */
  #turn = 0;

  constructor() {
    element('zoom-in').addEventListener('click', () => this.#zoom(1));
    element('zoom-out').addEventListener('click', () => this.#zoom(-1));
    element('zoom-fit').addEventListener('click', () => this.#fit());
    const boxes = element('boxes');
    boxes.addEventListener('click', () => {
      const pressed = boxes.getAttribute('aria-pressed') !== 'true';
      boxes.setAttribute('aria-pressed', String(pressed));
      this.#stage.classList.toggle('bare', !pressed);
    });
    addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.#size) return;
      if (event.key === '+' || event.key === '=') this.#zoom(1);
      else if (event.key === '-') this.#zoom(-1);
      else if (event.key === '0') this.#fit();
    });
    new ResizeObserver(() => this.#layOut()).observe(this.#desk);
  }

  /** Shows a picture, at first without boxes. Nothing is shown where the browser cannot read it. */
  show(file: Blob): void {
    this.clear();
    const turn = this.#turn;
    this.#shown = load(file).then((image) => {
      if (!image) return;
      if (turn === this.#turn) this.#put(image, sizeOf(image));
      else URL.revokeObjectURL(image.src);
    });
  }

  /** Lays the boxes over the picture that is shown; has the detector draw it where the browser could not. */
  async mark(result: DetectionResult, draw: Draw): Promise<void> {
    const turn = this.#turn;
    await this.#shown;
    if (turn !== this.#turn) return;
    const { width, height } = result.image;
    // A size that differs means that browser and detector disagree about which side is up: then the boxes would lie wrong.
    if (this.#size?.width === width && this.#size.height === height) {
      this.#result = result;
      this.#drawBoxes();
      return;
    }
    this.#note(texts.drawing);
    const image = await draw().then(load, () => undefined);
    if (turn !== this.#turn) return;
    this.#note(image ? texts.drawn : texts.notDrawn);
    // A little taller than the picture: the detector writes the counts underneath.
    if (image) this.#put(image, sizeOf(image));
  }

  clear(): void {
    this.#turn += 1;
    this.#stage.replaceChildren();
    if (this.#image) URL.revokeObjectURL(this.#image.src);
    this.#image = this.#overlay = this.#result = this.#size = this.#scale = undefined;
    element('viewer').classList.add('blank');
    this.#note('');
  }

  #put(image: HTMLImageElement, size: Size): void {
    if (this.#image) URL.revokeObjectURL(this.#image.src);
    this.#image = image;
    this.#size = size;
    this.#scale = this.#overlay = undefined;
    this.#stage.replaceChildren(image);
    element('viewer').classList.remove('blank');
    this.#layOut();
  }

  #note(words: string): void {
    say('note', words);
    element('note').hidden = words === '';
  }

  #zoom(direction: 1 | -1): void {
    if (!this.#size) return;
    const fit = fitScale(this.#size, this.#frame());
    const before = this.#scale ?? fit;
    this.#scale = stepScale(before, fit, direction);
    const ratio = this.#scale / before;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.#desk;
    this.#layOut();
    // What was in the middle stays there.
    this.#desk.scrollTo({
      left: (scrollLeft + clientWidth / 2) * ratio - clientWidth / 2,
      top: (scrollTop + clientHeight / 2) * ratio - clientHeight / 2,
      behavior: 'instant',
    });
  }

  #fit(): void {
    this.#scale = undefined;
    this.#layOut();
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
    if (!this.#size) return;
    const scale = this.#scale ?? fitScale(this.#size, this.#frame());
    this.#stage.style.width = `${this.#size.width * scale}px`;
    this.#stage.style.height = `${this.#size.height * scale}px`;
    say('zoom-fit', texts.zoom(scale));
    this.#drawBoxes();
  }

  #drawBoxes(): void {
    if (!this.#result || !this.#size) return;
    const { width, height } = this.#size;
    const scale = this.#stage.clientWidth / width;
    const { filled_checkbox: filled, empty_checkbox: empty } = this.#result.counts;
    const overlay = svg('svg', {
      class: areFine(this.#result.detections, scale) ? 'overlay fine' : 'overlay',
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': texts.overlay(filled, empty),
    });
    for (const detection of this.#result.detections) {
      const shape = shapeOf(detection, scale);
      const group = svg('g', { class: shape.filled ? 'filled' : 'empty' });
      const title = svg('title', {});
      title.textContent = texts.box(shape.filled, detection.confidence);
      const { x, y, radius } = shape;
      group.append(title, svg('rect', { x, y, width: shape.width, height: shape.height, rx: radius }));
      if (shape.badge) {
        const { x: cx, y: cy, radius: r } = shape.badge;
        const tick = `M${cx - 0.45 * r} ${cy}l${0.33 * r} ${0.36 * r}l${0.58 * r} ${-0.66 * r}`;
        group.append(svg('circle', { cx, cy, r }), svg('path', { d: tick }));
      }
      overlay.append(group);
    }
    if (this.#overlay) this.#overlay.replaceWith(overlay);
    else this.#stage.append(overlay);
    this.#overlay = overlay;
  }
}

function sizeOf({ naturalWidth, naturalHeight }: HTMLImageElement): Size {
  return { width: naturalWidth, height: naturalHeight };
}

/** The picture as an element, upright as its EXIF data say; undefined where the browser cannot read it. */
async function load(file: Blob): Promise<HTMLImageElement | undefined> {
  const image = new Image();
  image.alt = '';
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return image;
  } catch {
    URL.revokeObjectURL(image.src);
    return undefined;
  }
}
