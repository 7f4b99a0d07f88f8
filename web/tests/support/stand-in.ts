/**
 * A module that does as it is told, for what the real one cannot be made to do at will: trap, run forever, give a certain
 * answer. It has the interface of wasm-bindgen's output (the build puts it in that place) and takes its orders from what
 * follows the picture in the file, where every decoder stops reading.
 */
import type * as real from '../../src/lib/bindings/checkbox_detector.js';

export type Order =
  | { do: 'spin' }
  /** `words`: what a panic would leave. */
  | { do: 'trap'; words?: string }
  | { do: 'fail'; error: real.ErrorResult }
  | { do: 'answer'; result: real.DetectionResult };

const MARKER = '\nSTAND-IN:';

/** A file that looks like the picture and makes the stand-in follow the order. */
export function withOrder(picture: Uint8Array, order: Order): Buffer {
  return Buffer.concat([picture, Buffer.from(MARKER + JSON.stringify(order))]);
}

/** (module (func (export "trap") unreachable) (func (export "spin") (loop (br 0)))) */
export const standInBytes = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
  ...[0x03, 0x03, 0x02, 0x00, 0x00],
  ...[0x07, 0x0f, 0x02, 0x04, 0x74, 0x72, 0x61, 0x70, 0x00, 0x00, 0x04, 0x73, 0x70, 0x69, 0x6e, 0x00, 0x01],
  ...[0x0a, 0x0d, 0x02, 0x03, 0x00, 0x00, 0x0b, 0x07, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b],
]);

let running: { trap(): void; spin(): void } | undefined;
/** How many calls this instance has had: a fresh one starts at nought. */
let calls = 0;

const memory = new WebAssembly.Memory({ initial: 1 });
let resultLength = 0;

export default async function init({ module_or_path }: { module_or_path: WebAssembly.Module }) {
  running ??= (await WebAssembly.instantiate(module_or_path)).exports as unknown as typeof running;
  return { memory, cbd_result_ptr: () => 0, cbd_result_len: () => resultLength };
}

export const start: typeof real.start = () => {};

export const info: typeof real.info = () => ({
  name: 'stand-in',
  version: String(calls),
  model: { version: 'none', sha256: '' },
  classes: ['empty_checkbox', 'filled_checkbox'],
  formats: [],
  conf: 0.5,
  limits: {
    max_bytes: 2_000_000,
    max_pixels: 1e8,
    max_side: 65_535,
    min_side: 8,
    max_decoded_bytes: 4e8,
    max_detections: 5_000,
  },
});

export const detect: typeof real.detect = (image) => {
  calls += 1;
  const order = orderIn(Uint8Array.from(image));
  if (order.do === 'trap') {
    const left = JSON.stringify({ success: false, code: 'internal', detail: order.words });
    resultLength = new TextEncoder().encodeInto(left, new Uint8Array(memory.buffer)).written;
    running?.trap();
  }
  if (order.do === 'spin') running?.spin();
  if (order.do === 'fail') throw order.error;
  // The version tells how many calls this instance has had.
  if (order.do === 'answer') return { ...order.result, model: String(calls) };
  throw new Error('not reached');
};

export const annotate: typeof real.annotate = (image) => Uint8Array.from(image);

function orderIn(image: Uint8Array): Order {
  const text = new TextDecoder().decode(image);
  const at = text.lastIndexOf(MARKER);
  if (at >= 0) return JSON.parse(text.slice(at + MARKER.length));
  return { do: 'fail', error: { success: false, code: 'unsupported_format', detail: 'this cannot be read' } };
}
