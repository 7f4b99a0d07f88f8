/** The same detector behind HTTP (`host-lambda`), asked instead of the module or where the module cannot run. */
import { DetectorError, isErrorResult, wordsOf } from './errors.js';
import { readInput } from './input.js';
import { Lane } from './lane.js';
import type { Calls } from './protocol.js';
import type { Detection, DetectionResult, ImageInput, ModuleInfo, Progress } from './types.js';

/** The service that is asked for what the module cannot do here, and how. */
export interface EndpointOptions {
  /**
   * The service's own address, under which it has `predict`, `predict/image` and `info`: `https://example.org/prod/`. In a
   * page it may be relative to the page.
   */
  url: string | URL;
  /** Sent with every request, an API key for one (`x-api-key`); a function is asked anew each time, for keys that expire. */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>);
  /**
   * `fallback` (default): only for what the module here could not do, because it does not run here, could not be loaded, had
   * too little memory or crashed. What is wrong with the picture or the options is never asked twice, nor is a cancelled
   * call. `always`: the module is neither loaded nor run.
   */
  use?: 'fallback' | 'always';
  /** Milliseconds for one answer, waiting and repeated requests included; 60,000 by default. */
  timeoutMs?: number;
  /** Requests at once; further ones wait, their files unread. 4 by default. */
  concurrency?: number;
}

/** What a call to the endpoint is told by the client. */
export interface Asking {
  /** Aborts with the error that the call is to end with. */
  signal: AbortSignal;
  report(progress: Progress): void;
}

/** How often a busy service is asked again before its refusal counts. */
const MOST_REPEATS = 3;

export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #lane: Lane;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#lane = new Lane(this.concurrency);
  }

  get concurrency(): number {
    return Math.max(1, this.#options.concurrency ?? 4);
  }

  get always(): boolean {
    return this.#options.use === 'always';
  }

  /** What the module over there says of itself. */
  load(asking: Asking): Promise<ModuleInfo> {
    return this.#ask(asking, async (signal) => {
      const response = await this.#fetch('info', {}, signal);
      const info = (await parse(response)) as { module?: ModuleInfo } | null;
      if (typeof info?.module?.limits?.max_bytes !== 'number') throw foreign(response);
      return info.module;
    });
  }

  /** @throws {DetectorError} the service's own codes; `endpoint_failed`, `timeout`, or what `asking.signal` aborts with */
  call<Name extends keyof Calls>(
    method: Name,
    image: ImageInput,
    options: Calls[Name]['options'],
    asking: Asking,
  ): Promise<Calls[Name]['value']> {
    return this.#ask(asking, async (signal) => {
      asking.report({ phase: 'reading', ranOn: 'endpoint' });
      const body = await readInput(image, { small: true, signal });
      signal.throwIfAborted();
      asking.report({ phase: 'detecting', ranOn: 'endpoint' });
      // Of a TIFF with several pages the module reads the first, so that is what is asked for.
      const query = { ...options, ...(hasPages(body) ? { page: 1 } : {}) };
      const path = method === 'detect' ? 'predict' : 'predict/image';
      const response = await this.#fetch(path, query, signal, body);
      return (method === 'detect' ? resultFrom(response) : pictureFrom(response)) as Promise<Calls[Name]['value']>;
    });
  }

  /** Waits for its turn, and keeps the time. */
  async #ask<T>({ signal, report }: Asking, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs = 60_000 } = this.#options;
    const stop = new AbortController();
    const late = () => stop.abort(new DetectorError('timeout', `The endpoint took more than ${timeoutMs / 1000} s`));
    const onAbort = () => stop.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await this.#lane.run(
        () => {
          // Waiting for one's own other pictures is not the endpoint's fault.
          timer = setTimeout(late, timeoutMs);
          return work(stop.signal);
        },
        { signal: stop.signal, onWait: () => report({ phase: 'waiting', ranOn: 'endpoint' }) },
      );
    } catch (error) {
      // Whatever a stopped request fails with, why it was stopped is what there is to say.
      throw stop.signal.aborted ? stop.signal.reason : error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** The service's answer, good or bad; asked again a few times where it says that it is busy. */
  async #fetch(path: string, query: object, signal: AbortSignal, body?: Uint8Array<ArrayBuffer>): Promise<Response> {
    const address = this.#address(path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) address.searchParams.set(name, String(value));
    }
    for (let repeat = 0; ; repeat++) {
      const response = await this.#request(address, signal, body);
      if (response.ok) return response;
      const busy = response.status === 429 || response.status === 503;
      const seconds = repeat < MOST_REPEATS ? secondsToWait(response.headers.get('retry-after'), repeat) : undefined;
      if (!busy || seconds === undefined) throw await refusal(response);
      // Unread, it would keep its connection.
      await response.body?.cancel();
      await pause(seconds * 1000, signal);
    }
  }

  async #request(address: URL, signal: AbortSignal, body?: Uint8Array<ArrayBuffer>): Promise<Response> {
    const { headers } = this.#options;
    try {
      const all = new Headers(typeof headers === 'function' ? await headers() : headers);
      if (!all.has('accept')) all.set('accept', 'application/json, image/*');
      if (!body) return await fetch(address, { headers: all, signal });
      if (!all.has('content-type')) all.set('content-type', 'application/octet-stream');
      return await fetch(address, { method: 'POST', headers: all, signal, body });
    } catch (error) {
      throw new DetectorError('endpoint_failed', `The endpoint could not be reached: ${wordsOf(error)}`, {
        cause: error,
      });
    }
  }

  #address(path: string): URL {
    const { url } = this.#options;
    try {
      const base = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
      if (!base.pathname.endsWith('/')) base.pathname += '/';
      return new URL(path, base);
    } catch (error) {
      throw new DetectorError('bad_options', `The endpoint's address is none: ${wordsOf(error)}`, { cause: error });
    }
  }
}

/** TIFF, in either byte order: the one format of which the service reads several pages. */
function hasPages(file: Uint8Array): boolean {
  const start = String.fromCharCode(...file.subarray(0, 4));
  return start === 'II*\0' || start === 'MM\0*';
}

async function resultFrom(response: Response): Promise<DetectionResult> {
  const result = await parse(response);
  if (!isDetectionResult(result)) throw foreign(response);
  return result;
}

async function pictureFrom(response: Response): Promise<Uint8Array> {
  if (!response.headers.get('content-type')?.startsWith('image/')) throw foreign(response);
  return new Uint8Array(await body(response, (whole) => whole.arrayBuffer()));
}

/** As far as a caller's program would fall over it: `detector/result.schema.json` in plain code. */
function isDetectionResult(value: unknown): value is DetectionResult {
  const { success, image, detections, counts, total, model } = (value ?? {}) as Partial<DetectionResult>;
  const numbers = [image?.width, image?.height, counts?.empty_checkbox, counts?.filled_checkbox, total];
  return (
    success === true &&
    numbers.every((number) => typeof number === 'number') &&
    typeof model === 'string' &&
    Array.isArray(detections) &&
    detections.length === total &&
    detections.every((detection: unknown) => {
      const { class: kind, confidence, bbox } = (detection ?? {}) as Partial<Detection>;
      const all = [confidence, bbox?.x1, bbox?.y1, bbox?.x2, bbox?.y2];
      return (kind === 'empty_checkbox' || kind === 'filled_checkbox') && all.every((one) => typeof one === 'number');
    })
  );
}

/** Codes for what stands in front of the service (a gateway, a proxy) and does not know its error form. */
const CODES: Record<number, string> = {
  401: 'unauthorized',
  403: 'unauthorized',
  408: 'timeout',
  413: 'payload_too_large',
  429: 'busy',
  503: 'busy',
  504: 'timeout',
};

async function refusal(response: Response): Promise<DetectorError> {
  const answer: unknown = await parse(response).catch(() => undefined);
  if (isErrorResult(answer)) return new DetectorError(answer.code, answer.detail);
  const code = CODES[response.status] ?? 'endpoint_failed';
  return new DetectorError(code, `The endpoint answered with HTTP status ${response.status}`);
}

/** An answer that is none of the service's: of a captive portal, of another site, of a page for people. */
function foreign(response: Response): DetectorError {
  const type = response.headers.get('content-type') ?? 'no content type';
  return new DetectorError('endpoint_failed', `The endpoint's answer is not a detector's (${type})`);
}

async function parse(response: Response): Promise<unknown> {
  const text = await body(response, (whole) => whole.text());
  try {
    return JSON.parse(text);
  } catch {
    throw foreign(response);
  }
}

async function body<T>(response: Response, read: (response: Response) => Promise<T>): Promise<T> {
  try {
    return await read(response);
  } catch (error) {
    throw new DetectorError('endpoint_failed', `The endpoint's answer broke off: ${wordsOf(error)}`, { cause: error });
  }
}

/**
 * What a busy service asks for (seconds, or a date), else a little more each time; undefined where it is not worth waiting
 * for.
 */
export function secondsToWait(retryAfter: string | null, repeat: number): number | undefined {
  const date = Date.parse(retryAfter ?? '');
  let seconds = Number(retryAfter);
  if (retryAfter === null || retryAfter.trim() === '') seconds = 2 ** repeat;
  else if (Number.isNaN(seconds)) seconds = Number.isNaN(date) ? 2 ** repeat : (date - Date.now()) / 1000;
  return seconds > 30 ? undefined : Math.max(0, seconds);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
