/**
 * The thread that draws PDF pages. pdf.js is in here with both its halves, so that neither reading nor drawing takes a
 * moment of the page's own thread, and a page that is not wanted any more need not be finished.
 */
import { AnnotationMode, getDocument, type PDFDocumentProxy, type PDFPageProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { WorkerMessageHandler } from 'pdfjs-dist/legacy/build/pdf.worker.mjs';
import { type Word, wordsOfRun } from './labels.js';
import { pdfScale } from './shapes.js';

export interface PdfRequest {
  id: number;
  /** Undefined takes back the call with this number. */
  call: ({ file: Blob; fileId: number } & ({ method: 'count' } | { method: 'page'; number: number })) | undefined;
}

export type PdfReply = { id: number } & (
  | { value: number | { blob: Blob; words: Word[] } }
  | { error: { code: string; detail: string } }
);

// pdf.js looks here for its other half before it starts a thread for it.
Object.assign(globalThis, { pdfjsWorker: { WorkerMessageHandler } });

/** Canvases without a document. */
class Canvases {
  create(width: number, height: number) {
    const canvas = new OffscreenCanvas(width, height);
    return { canvas, context: canvas.getContext('2d', { willReadFrequently: true }) };
  }
  reset(pair: { canvas: OffscreenCanvas }, width: number, height: number) {
    pair.canvas.width = width;
    pair.canvas.height = height;
  }
  destroy(pair: { canvas: OffscreenCanvas | null; context: unknown }) {
    // Memory of a canvas is given back at once when it has no size.
    if (pair.canvas) pair.canvas.width = pair.canvas.height = 0;
    pair.canvas = pair.context = null;
  }
}

/** SVG filters need a document; without them, a page with transfer maps is drawn in plain colours. */
class NoFilters {
  addFilter = () => 'none';
  addHCMFilter = () => 'none';
  addAlphaFilter = () => 'none';
  addLuminosityFilter = () => 'none';
  addKnockoutFilter = () => 'none';
  addHighlightHCMFilter = () => 'none';
  destroy() {}
}

const beside = (name: string) => new URL(name, self.location.href).href;

/** The document used last stays open: its pages come one after the other. */
let open: { fileId: number; document: Promise<PDFDocumentProxy>; close: () => void } | undefined;

function documentOf({ file, fileId }: { file: Blob; fileId: number }): Promise<PDFDocumentProxy> {
  if (open?.fileId === fileId) return open.document;
  open?.close();
  let close = () => {};
  const document = file.arrayBuffer().then((data) => {
    const task = getDocument({
      data,
      cMapUrl: beside('cmaps/'),
      cMapPacked: true,
      standardFontDataUrl: beside('standard_fonts/'),
      wasmUrl: beside('wasm/'),
      // Glyphs are drawn as paths: the same picture on every machine, and no fonts to load into a thread.
      disableFontFace: true,
      useSystemFonts: false,
      useWorkerFetch: true,
      disableWorkerRendering: true,
      CanvasFactory: Canvases,
      FilterFactory: NoFilters,
      verbosity: 0,
    } as Parameters<typeof getDocument>[0]);
    close = () => void task.destroy();
    return task.promise;
  });
  open = { fileId, document, close: () => close() };
  return document;
}

async function draw(page: PDFPageProxy): Promise<Blob> {
  const size = page.getViewport({ scale: 1 });
  const viewport = page.getViewport({ scale: pdfScale(size) });
  const canvas = new OffscreenCanvas(Math.ceil(viewport.width), Math.ceil(viewport.height));
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new Error('no canvas to draw on');
  await page.render({
    canvas: null,
    canvasContext: context as unknown as CanvasRenderingContext2D,
    viewport,
    // Ticks of fillable forms are annotations.
    annotationMode: AnnotationMode.ENABLE,
    background: '#fff',
  }).promise;
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  canvas.width = canvas.height = 0;
  return blob;
}

async function wordsOf(page: PDFPageProxy): Promise<Word[]> {
  const viewport = page.getViewport({ scale: pdfScale(page.getViewport({ scale: 1 })) });
  const { items } = await page.getTextContent();
  return items.flatMap((item) => {
    if (!('str' in item) || !item.str.trim()) return [];
    // Corners of the run, turned as the page is; text that does not run across the page is not beside any box.
    const [a, b, , , e, f] = item.transform as [number, number, number, number, number, number];
    const length = Math.hypot(a, b) || 1;
    const [x1, y1] = viewport.convertToViewportPoint(e, f) as [number, number];
    const [x2, y2] = viewport.convertToViewportPoint(e + (a / length) * item.width, f + (b / length) * item.width) as [
      number,
      number,
    ];
    if (Math.abs(y2 - y1) > Math.abs(x2 - x1) * 0.1) return [];
    const height = item.height * viewport.scale;
    return wordsOfRun({
      text: item.str,
      x1: Math.min(x1, x2),
      x2: Math.max(x1, x2),
      // The baseline is given; letters rise above it more than they hang below.
      y1: y1 - 0.8 * height,
      y2: y1 + 0.2 * height,
    });
  });
}

async function answer(call: NonNullable<PdfRequest['call']>): Promise<number | { blob: Blob; words: Word[] }> {
  const document = await documentOf(call);
  if (call.method === 'count') return document.numPages;
  const page = await document.getPage(call.number);
  try {
    const words = await wordsOf(page);
    return { blob: await draw(page), words };
  } finally {
    page.cleanup();
  }
}

function codeOf(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  if (name === 'PasswordException') return 'pdf_password';
  return name === 'InvalidPDFException' || name === 'FormatError' ? 'pdf_damaged' : 'pdf_failed';
}

/** One after the other, in the order in which they came; the one taken back is left out. */
const queue: { id: number; call: NonNullable<PdfRequest['call']> }[] = [];
let working = false;

async function work(): Promise<void> {
  if (working) return;
  working = true;
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { id, call } = next;
    let reply: PdfReply;
    try {
      reply = { id, value: await answer(call) };
    } catch (error) {
      reply = { id, error: { code: codeOf(error), detail: error instanceof Error ? error.message : String(error) } };
    }
    postMessage(reply);
  }
  working = false;
}

addEventListener('message', ({ data }: MessageEvent<PdfRequest>) => {
  // pdf.js listens here too, and may be talked to.
  if (typeof data?.id !== 'number') return;
  const { id, call } = data;
  if (call) {
    queue.push({ id, call });
    void work();
  } else {
    const at = queue.findIndex((waiting) => waiting.id === id);
    if (at >= 0) queue.splice(at, 1);
  }
});
