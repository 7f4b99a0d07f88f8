import type { DetectionResult } from './bindings/checkbox_detector.js';

/**
 * The result types come from the module itself: wasm-bindgen writes them from the Rust structures. This file is the one
 * place that takes them over, so that nothing here can drift from what the module really answers.
 */
export type {
  AnnotateOptions,
  BoundingBox,
  CheckboxClass,
  Detection,
  DetectionResult,
  DetectOptions,
  ErrorResult,
  ModuleInfo,
} from './bindings/checkbox_detector.js';

/**
 * A picture: an encoded file (JPEG, PNG, WebP, TIFF, BMP or GIF) or an address to fetch one from, or pixels.
 *
 * Give the file where you have it: only its bytes give the same answer everywhere to the last digit. The pixels of an
 * image element, a bitmap or a canvas are what the browser made of a file, colour management included.
 */
export type ImageInput = EncodedInput | PixelInput;

/** An encoded file: as a file, in memory, or by its address (relative to the page; in Node also a `file:` URL). */
export type EncodedInput = Blob | ArrayBuffer | Uint8Array | URL | string;

/** Pixels. `ImageData` needs no browser: an object with the same three members will do. */
export type PixelInput = Pixels | ImageBitmap | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas;

/** Eight bits each of red, green, blue and opacity (not premultiplied), row by row from the top: as `ImageData` has them. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** `width * height * 4` bytes. */
  readonly data: Uint8ClampedArray | Uint8Array;
}

/** The module's result form and, where an endpoint is configured, who gave it. */
export interface DetectResult extends DetectionResult {
  /**
   * Added by the client, after what the module says. Absent from a detector without an endpoint, whose result is that of
   * the module to the byte.
   */
  ranOn?: RanOn;
}

/** Who answered: the module here, or the endpoint. */
export type RanOn = 'local' | 'endpoint';

/**
 * Where the module (`checkbox_detector.wasm`) comes from: an address to fetch it from (in Node also a `file:` URL), the
 * answer to a fetch, its bytes, or the module compiled already (as Cloudflare Workers hands it out).
 */
export type ModuleSource = string | URL | Response | ArrayBuffer | Uint8Array | WebAssembly.Module;

/**
 * What a call is doing at the moment.
 * `waiting`: another picture is being worked on. `loading`: the module is on its way; `loaded` and `total` are in bytes, `total`
 * where it is known. `starting`: the worker starts and prepares the network. `reading`: the file is read. `detecting`: the network runs.
 * A call that has turned to the endpoint goes through `waiting`, `reading` and `detecting` there.
 */
export type Progress =
  | { phase: 'loading'; loaded: number; total: number | undefined }
  | { phase: 'waiting' | 'starting' | 'reading' | 'detecting'; ranOn?: 'endpoint' };
