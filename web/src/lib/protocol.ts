/** What goes between the client and its worker: one request at a time, one reply to each. */
import type { AnnotateOptions, DetectionResult, DetectOptions, ErrorResult, ModuleInfo } from './types.js';

/** The calls that take a picture, by name. */
export interface Calls {
  detect: { options: DetectOptions; value: DetectionResult };
  annotate: { options: AnnotateOptions; value: Uint8Array };
}

export type Request =
  /** The first message: the compiled module, so that a new worker neither fetches nor compiles again. */
  | { method: 'start'; module: WebAssembly.Module }
  /** `image` is handed over, not copied. */
  | { method: keyof Calls; image: Uint8Array; options: Calls[keyof Calls]['options'] };

export type Reply = { value: ModuleInfo | Calls[keyof Calls]['value'] } | { error: ErrorResult };
