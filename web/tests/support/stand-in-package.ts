/** The package around the module that does as it is told. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { generated } from '../../scripts/paths.mjs';
import type * as Package from '../../src/lib/index.ts';
import { form, perfect } from './fixtures.ts';
import { type Order, withOrder } from './stand-in.ts';

export const folder = join(generated, 'stand-in/package');
assert.ok(existsSync(folder), 'run `npm test`, which builds this');
export const { createDetector, Detector, DetectorError } = (await import(
  pathToFileURL(join(folder, 'index.js')).href
)) as typeof Package;

export const order = (order: Order) => withOrder(form.png, order);
export const answer = order({ do: 'answer', result: perfect });
export const trap = order({ do: 'trap' });
export const spin = order({ do: 'spin' });
export const corrupt = order({ do: 'fail', error: { success: false, code: 'corrupt_image', detail: 'it is broken' } });
