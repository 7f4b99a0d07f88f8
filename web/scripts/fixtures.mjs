/** Draws tests/fixtures anew; see tests/draw-fixtures.ts. */
import { join } from 'node:path';
import { buildForNode } from './node.mjs';
import { generated, web } from './paths.mjs';

await buildForNode([join(web, 'tests/draw-fixtures.ts')], generated);
await import(join(generated, 'draw-fixtures.mjs'));
