/** Pictures with the answers the stand-in gives to them. */
import type { DetectionResult } from '../../src/lib/types.ts';
import { form, perfect } from './fixtures.ts';
import type { NamedBytes } from './page.ts';
import { withOrder } from './stand-in.ts';

/** The form, answered as a perfect network would, or with something changed in it. */
export function counted(
  name: string,
  change: (result: DetectionResult) => DetectionResult = (same) => same,
): NamedBytes {
  return { name, bytes: withOrder(form.png, { do: 'answer', result: change(perfect) }) };
}

/** The form with its second box barely above the usual threshold, and its third below. */
export function doubtful(name: string): NamedBytes {
  const confidences = [0.99, 0.55, 0.3];
  return counted(name, (result) => ({
    ...result,
    detections: result.detections.map((detection, index) => ({
      ...detection,
      confidence: confidences[index] ?? detection.confidence,
    })),
  }));
}
