import init, * as bindings from './bindings/checkbox_detector.js';
import { DetectorError, isErrorResult, wordsOf } from './errors.js';
import { checkSize } from './input.js';
import type { AnnotateOptions, DetectionResult, DetectOptions, ModuleInfo } from './types.js';

/** The module, running in this very thread: every call blocks until it is done. */
export interface Engine {
  info(): ModuleInfo;
  detect(image: Uint8Array, options: DetectOptions): DetectionResult;
  annotate(image: Uint8Array, options: AnnotateOptions): Uint8Array;
}

/**
 * Set once the module has trapped. A trap leaves its memory and its stack pointer wherever they were, so that nothing it
 * says afterwards can be trusted; wasm-bindgen's glue keeps one instance per thread, so a fresh one needs a fresh thread.
 */
let crash: DetectorError | undefined;

/** The instance's bare exports. */
let running: bindings.InitOutput | undefined;

/**
 * Instantiates the module in this thread and prepares its network. wasm-bindgen's glue holds a single instance, so a
 * second call, with whatever module, gives the same one: calling twice is harmless.
 * @throws {DetectorError} `out_of_memory`, `no_wasm`, `crashed`, or a code of the module.
 */
export async function startEngine(module: WebAssembly.Module): Promise<Engine> {
  try {
    running = await init({ module_or_path: module });
  } catch (error) {
    const code = error instanceof RangeError ? 'out_of_memory' : 'no_wasm';
    throw new DetectorError(code, `The module could not be started: ${wordsOf(error)}`, { cause: error });
  }
  guarded(() => bindings.start());
  const info = guarded(() => bindings.info());
  const onPicture =
    <Options, Value>(call: (image: Uint8Array, options: Options) => Value) =>
    (image: Uint8Array, options: Options) => {
      checkSize(image.byteLength, info);
      return guarded(() => call(image, options));
    };
  return { info: () => info, detect: onPicture(bindings.detect), annotate: onPicture(bindings.annotate) };
}

/** Turns whatever comes out of the module into a DetectorError; what is not in its error form is a crash. */
function guarded<T>(call: () => T): T {
  if (crash) throw crash;
  try {
    return call();
  } catch (error) {
    if (isErrorResult(error)) throw new DetectorError(error.code, error.detail);
    const words = lastWords() ?? wordsOf(error);
    crash = new DetectorError('crashed', `The module stopped unexpectedly: ${words}`, { cause: error });
    throw crash;
  }
}

/** What the module left of a panic: an error with the code `internal` in the place of a result; often there is none. */
function lastWords(): string | undefined {
  try {
    if (!running) return undefined;
    const { memory, cbd_result_ptr, cbd_result_len } = running;
    const result = new Uint8Array(memory.buffer, cbd_result_ptr() >>> 0, cbd_result_len() >>> 0);
    const error: unknown = JSON.parse(new TextDecoder().decode(result));
    return isErrorResult(error) && error.code === 'internal' ? error.detail : undefined;
  } catch {
    return undefined;
  }
}
