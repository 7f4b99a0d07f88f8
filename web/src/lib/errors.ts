import type { ErrorResult } from './types.js';

/** Codes of the module: what is wrong with the picture or the options. */
export type ModuleCode =
  /** There are no bytes at all. */
  | 'empty_input'
  /** The file is larger than is read (`limits.max_bytes` of what `load` gives). */
  | 'too_many_bytes'
  /** It is no JPEG, PNG, WebP, TIFF, BMP or GIF file. */
  | 'unsupported_format'
  /** It is one, but broken. */
  | 'corrupt_image'
  /** More pixels than are read, or a side that is too long. */
  | 'too_many_pixels'
  /** Too few pixels for a box to be on them. */
  | 'too_small'
  /** An option that does not exist, or a value that it cannot have. */
  | 'bad_options'
  /** The network failed on this picture. */
  | 'network'
  /** A fault of the module. */
  | 'internal';

/** Codes of this package: what is wrong around the module. */
export type HostCode =
  /** The input is of no kind that is taken, or an address or pixels that are none. */
  | 'bad_input'
  /** The picture could not be read (moved, not found, of another site that does not allow it). */
  | 'unreadable_input'
  /** The module could not be fetched. */
  | 'load_failed'
  /** What was fetched does not compile here: no WebAssembly, no SIMD, or not the module. */
  | 'no_wasm'
  /** There is not enough memory to start the module. */
  | 'out_of_memory'
  /** The module stopped in the middle of a call; the next call starts with a fresh one. */
  | 'crashed'
  /** The call was cancelled through its AbortSignal. */
  | 'cancelled'
  /** `close()` was called. */
  | 'closed';

/** Codes of an endpoint: what is wrong between here and there, beside what it says of the picture. */
export type EndpointCode =
  /** It could not be reached, or what answered is not a detector. */
  | 'endpoint_failed'
  /** It took longer than it was given. */
  | 'timeout'
  /** It had too much to do, also when it was asked again. */
  | 'busy'
  /** It wants a key, or another one. */
  | 'unauthorized'
  /** The file is larger than what it takes in one request. */
  | 'payload_too_large'
  /** The annotated picture is larger than what it sends in one answer. */
  | 'response_too_large';

/** Stable codes of everything that can go wrong. A newer module may bring new ones, hence `string`. */
export type ErrorCode = ModuleCode | HostCode | EndpointCode | (string & {});

/** Every error this package throws. `code` is stable and meant for programs, `message` is words for a person. */
export class DetectorError extends Error {
  /** Tells it from other errors where `instanceof` cannot: in another frame, or behind a worker. */
  override readonly name = 'DetectorError';
  /** For programs. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** The same form in which the module and the HTTP API report errors. */
  toJSON(): ErrorResult {
    return { success: false, code: this.code, detail: this.message };
  }
}

/** True for `{success: false, code, detail}`, the form in which the module throws. */
export function isErrorResult(value: unknown): value is ErrorResult {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as ErrorResult).success === false &&
    typeof (value as ErrorResult).code === 'string' &&
    typeof (value as ErrorResult).detail === 'string'
  );
}

/** Words for an error of unknown kind. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
