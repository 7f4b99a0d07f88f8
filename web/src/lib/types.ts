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

/** The bytes of an encoded picture (JPEG, PNG, WebP, TIFF, BMP or GIF), as a file or in memory. */
export type ImageInput = Blob | ArrayBuffer | Uint8Array;

/**
 * Where the module (`checkbox_detector.wasm`) comes from: an address to fetch it from (in Node also a `file:` URL), the
 * answer to a fetch, its bytes, or the module compiled already (as Cloudflare Workers hands it out).
 */
export type ModuleSource = string | URL | Response | ArrayBuffer | Uint8Array | WebAssembly.Module;

/**
 * What a call is doing at the moment.
 * `waiting`: another picture is being worked on. `loading`: the module is on its way; `loaded` and `total` are in bytes, `total`
 * where it is known. `starting`: the worker starts and prepares the network. `reading`: the file is read. `detecting`: the network runs.
 */
export type Progress =
  | { phase: 'loading'; loaded: number; total: number | undefined }
  | { phase: 'waiting' | 'starting' | 'reading' | 'detecting' };
