/** Makes TypeScript that runs in Node (tests, the drawing of the fixtures) into JavaScript. */
import { basename, join } from 'node:path';
import { build } from 'esbuild';

/**
 * The scripts find the project by their own place, so they stay where they are.
 * @type {import('esbuild').Plugin}
 */
const inPlace = {
  name: 'in-place',
  setup(builder) {
    builder.onResolve({ filter: /\/scripts\/\w+\.mjs$/ }, ({ path }) => ({
      path: join(import.meta.dirname, basename(path)),
      external: true,
    }));
  },
};

/**
 * @param {string[]} entryPoints
 * @param {string} outdir
 */
export async function buildForNode(entryPoints, outdir) {
  await build({
    entryPoints,
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
    plugins: [inPlace],
    define: { WASM_BYTES: '0' },
  });
}
