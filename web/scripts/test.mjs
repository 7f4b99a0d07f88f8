/**
 * Builds the tests and what they need, then runs them: `npm test`, or `npm test -- page` for the files named so, or
 * `npm test -- page zoom` for those of their tests whose names match.
 * Expects what `npm run build` leaves in ../dist.
 */
import { spawnSync } from 'node:child_process';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildCounter, buildPage, buildServiceWorker, bundle } from './build.mjs';
import { buildForNode } from './node.mjs';
import { generated, web } from './paths.mjs';

await rm(generated, { recursive: true, force: true });

const tests = join(web, 'tests');
const [wanted = '', pattern] = process.argv.slice(2);
const names = (await readdir(tests)).filter((name) => name.endsWith('.test.ts') && name.includes(wanted));
await buildForNode(
  names.map((name) => join(tests, name)),
  join(generated, 'tests'),
);

// The page and the package around a module that does as it is told.
await buildForNode([join(tests, 'support/stand-in.ts')], join(generated, 'stand-in'));
const { standInBytes } = await import(join(generated, 'stand-in/stand-in.mjs'));
const module = join(generated, 'stand-in/checkbox_detector.wasm');
await writeFile(module, standInBytes);
/** @type {import('esbuild').Plugin} */
const standIn = {
  name: 'stand-in',
  setup(builder) {
    builder.onResolve({ filter: /\/bindings\/checkbox_detector\.js$/ }, () => ({
      path: join(tests, 'support/stand-in.ts'),
    }));
  },
};
const page = join(generated, 'stand-in/page');
await buildPage({ module, out: page, plugins: [standIn] });
// The next version of the page, as a deployment would bring it.
const nextPage = join(generated, 'stand-in/next-page');
await cp(page, nextPage, { recursive: true });
const index = await readFile(join(page, 'index.html'), 'utf8');
await writeFile(
  join(nextPage, 'index.html'),
  index.replace('<checkbox-counter', '<p>Somebody else</p><checkbox-counter'),
);
await buildServiceWorker(module, nextPage);
await bundle(module, {
  entryPoints: { index: join(web, 'src/lib/index.ts'), worker: join(web, 'src/lib/worker.ts') },
  outdir: join(generated, 'stand-in/package'),
  plugins: [standIn],
});
await buildCounter(module, join(generated, 'stand-in/package'), [standIn]);
await writeFile(join(generated, 'stand-in/package/checkbox_detector.wasm'), standInBytes);

const files = names.map((name) => join(generated, 'tests', name.replace(/\.ts$/, '.mjs')));
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    '--enable-source-maps',
    '--test-concurrency=1',
    ...(pattern ? [`--test-name-pattern=${pattern}`] : []),
    ...files,
  ],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
