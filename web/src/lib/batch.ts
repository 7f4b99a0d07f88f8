import { DetectorError } from './errors.js';
import type { DetectOptions, DetectResult, ImageInput, Progress } from './types.js';

/** What became of one input: a result or an error, never both. */
export type Outcome = {
  /** Place among the inputs, counted from 0. */
  index: number;
  /** The input itself. */
  input: ImageInput;
} & ({ result: DetectResult; error?: undefined } | { result?: undefined; error: DetectorError });

type Detect = (
  image: ImageInput,
  options: DetectOptions & { signal: AbortSignal; onProgress(progress: Progress): void },
) => Promise<DetectResult>;

interface BatchOptions extends DetectOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress, index: number) => void) | undefined;
  concurrency: number;
}

/** Errors by which the caller ends calls: of a batch they are about the whole, and an endpoint has no part in them. */
export const ENDING: ReadonlySet<string> = new Set(['cancelled', 'closed']);

/**
 * Calls `detect` for each input, at most `concurrency` of them at once, and gives the outcomes in the inputs' order, each as
 * soon as it is there: an input that is long in coming holds up nothing that is done.
 */
export async function* detectEach(
  detect: Detect,
  images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
  { signal, onProgress, concurrency, ...options }: BatchOptions,
): AsyncGenerator<Outcome, void> {
  const inputs = Symbol.asyncIterator in images ? images[Symbol.asyncIterator]() : images[Symbol.iterator]();
  const stop = new AbortController();
  const stopped = new Promise<never>((_, reject) => {
    const onAbort = () => reject(new DetectorError('cancelled', 'The batch was cancelled', { cause: signal?.reason }));
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { signal: stop.signal });
  });
  const underWay: Promise<Outcome>[] = [];
  let taken = 0;
  let coming: Promise<IteratorResult<ImageInput>> | undefined;
  let exhausted = false;

  const begin = async (input: ImageInput): Promise<Outcome> => {
    const index = taken++;
    const report = (progress: Progress) => onProgress?.(progress, index);
    try {
      return { index, input, result: await detect(input, { ...options, signal: stop.signal, onProgress: report }) };
    } catch (error) {
      if (error instanceof DetectorError && !ENDING.has(error.code)) return { index, input, error };
      throw error;
    }
  };

  try {
    while (true) {
      if (!exhausted && underWay.length < Math.max(1, concurrency)) coming ??= next(inputs);
      const first = underWay[0];
      if (!first && !coming) return;
      const event = await Promise.race([
        stopped,
        ...(first ? [first.then((outcome) => ({ outcome }))] : []),
        ...(coming ? [coming.then((input) => ({ input }))] : []),
      ]);
      if ('outcome' in event) {
        underWay.shift();
        yield event.outcome;
      } else {
        coming = undefined;
        exhausted = event.input.done === true;
        if (!event.input.done) underWay.push(handled(begin(event.input.value)));
      }
    }
  } finally {
    // The caller may have broken off, or an input may have failed to come.
    stop.abort();
    // One that is still on its way might never come; there is nothing to wait for then.
    const returned = exhausted ? undefined : inputs.return?.();
    if (!coming) await returned;
  }
}

async function next<T>(inputs: Iterator<T> | AsyncIterator<T>): Promise<IteratorResult<T>> {
  return inputs.next();
}

/** Its turn to be looked at comes later, or never after a stop: until then, a failure is nobody's fault. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
