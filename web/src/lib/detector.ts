import type { Engine } from './engine.js';
import { startEngine } from './engine.js';
import { compileModule } from './source.js';
import type { AnnotateOptions, DetectionResult, DetectOptions, ModuleInfo, ModuleSource } from './types.js';

/** Loading under way or done; kept so that loading twice is harmless, and dropped on failure so that it can be repeated. */
let loaded: Promise<Detector> | undefined;

/**
 * The synchronous detector, for those who have a thread of their own (a Worker, a Node script, a server): each call
 * blocks until it is done. In a page use `createDetector`, which keeps the page responsive.
 *
 * The memory of a WebAssembly module grows to what the largest picture needed and never shrinks; only the end of the
 * thread gives it back.
 */
export class Detector {
  readonly #engine: Engine;

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Loads the module and prepares the network. Any number of calls, at once or one after the other, give the same
   * detector; the source given first counts.
   * @param wasm where the module comes from; by default `checkbox_detector.wasm` beside this file
   * @throws {DetectorError} `load_failed`, `no_wasm` or `out_of_memory`
   */
  static load(wasm?: ModuleSource): Promise<Detector> {
    loaded ??= compileModule(wasm)
      .then(startEngine)
      .then((engine) => new Detector(engine))
      .catch((error: unknown) => {
        loaded = undefined;
        throw error;
      });
    return loaded;
  }

  /** Versions, limits and formats of the module. */
  info(): ModuleInfo {
    return this.#engine.info();
  }

  /**
   * Finds the checkboxes on a picture.
   * @param image bytes of the encoded file; they are copied, not kept
   * @returns boxes in pixels of the picture as a viewer shows it (EXIF orientation applied), in reading order
   * @throws {DetectorError} codes of the module, or `crashed`, after which this thread needs a successor
   */
  detect(image: Uint8Array | ArrayBuffer, options: DetectOptions = {}): DetectionResult {
    return this.#engine.detect(asBytes(image), options);
  }

  /**
   * Draws the boxes and the counts on the picture.
   * @returns bytes of a JPEG or, with `format: 'png'`, a PNG file
   * @throws {DetectorError} as `detect`
   */
  annotate(image: Uint8Array | ArrayBuffer, options: AnnotateOptions = {}): Uint8Array {
    return this.#engine.annotate(asBytes(image), options);
  }
}

function asBytes(image: Uint8Array | ArrayBuffer): Uint8Array {
  return image instanceof ArrayBuffer ? new Uint8Array(image) : image;
}
