/** Every folder of examples/, run from the packed tarball: bundlers, the bundle opened in Chromium; Node, Deno, workerd. And the documentation. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { writeApi } from '../scripts/docs.mjs';
import { apiFile, examples, moduleFile, web } from '../scripts/paths.mjs';
import { type Examples, prepare } from './support/examples.ts';
import { empty, filled, form } from './support/fixtures.ts';
import { detectPlainly } from './support/plain.ts';
import { serve } from './support/server.ts';
import { browsers, type Tab } from './support/tab.ts';

const picture = join(web, 'tests/fixtures/form.png');
const counts = JSON.stringify({ empty_checkbox: empty, filled_checkbox: filled });
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

/** A port that was free a moment ago, for servers that do not tell which one they took. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

let all: Examples;
/** What the module itself prints for the form, called without any of our code. */
let expected: string;
before(() => {
  all = prepare();
  expected = detectPlainly(new WebAssembly.Module(readFileSync(moduleFile)), form.png, {});
});
after(() => all?.remove());

test('each asks for this version, and for the tools that are tested', () => {
  const { devDependencies: tested } = json(join(web, 'tools/package.json'));
  const { version } = json(join(web, 'package.json'));
  const folders = readdirSync(examples).filter((name) => statSync(join(examples, name)).isDirectory());
  assert.deepEqual(folders, ['deno', 'esbuild', 'node', 'vite', 'webpack', 'workerd']);
  for (const name of folders) {
    const { dependencies, devDependencies = {} } = json(join(examples, name, 'package.json'));
    assert.deepEqual(dependencies, { 'checkbox-detector': version }, name);
    for (const [tool, pinned] of Object.entries(devDependencies)) assert.equal(pinned, tested[tool], name);
  }
});

suite('bundled, and opened in Chromium', () => {
  let tab: Tab;
  before(async () => {
    const open = browsers.find(([name]) => name === 'Chromium')?.[1];
    assert.ok(open);
    tab = await open();
  });
  after(() => tab?.close());

  async function countsAt(url: string) {
    await tab.go(url);
    await tab.pick(picture);
    await tab.words(`${filled} filled, ${empty} empty`);
  }

  for (const bundler of ['vite', 'webpack', 'esbuild']) {
    test(bundler, async () => {
      const folder = all.set(bundler);
      all.run(folder, 'npm', 'run', 'build');
      const built = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' });
      assert.equal(built.filter((name) => name.endsWith('.wasm')).length, 1, 'the module is there, once');
      const server = await serve({ '/': join(folder, 'dist') });
      await countsAt(server.origin).finally(() => server.close());
      assert.ok(!server.requests.some((path) => path.includes('node_modules')), 'nothing but the bundle was asked for');
    });
  }

  test('vite, its development server', async () => {
    const folder = all.set('vite');
    const port = await freePort();
    const flags = ['--host', '127.0.0.1', '--port', String(port), '--strictPort', '--logLevel', 'warn'];
    const server = await all.start(folder, port, 'vite', ...flags);
    await countsAt(server.url).finally(() => server.stop());
  });
});

test('the API documentation is that of the types', () => {
  const folder = mkdtempSync(join(tmpdir(), 'checkbox-api-'));
  try {
    const fresh = join(folder, 'API.md');
    writeApi(fresh);
    assert.ok(readFileSync(apiFile).equals(readFileSync(fresh)), 'docs/API.md is old: npm run docs writes it anew');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('node', () => {
  const folder = all.set('node');
  const printed = all.run(folder, process.execPath, 'count.js', picture, 'none.png');
  const [first, second] = printed.trim().split('\n');
  assert.equal(first, `form.png ${counts}`);
  assert.match(second ?? '', /^none\.png The picture could not be read/);
});

test('deno', () => {
  const folder = all.set('deno');
  const printed = all.run(folder, 'deno', 'run', '--quiet', '--allow-read', 'count.ts', picture);
  assert.equal(printed.trim(), `${picture} ${counts}`);
  const code = `
    import { createDetector, Detector } from 'checkbox-detector';
    const form = Deno.readFileSync(new URL('${pathToFileURL(picture)}'));
    const detector = createDetector();
    console.log(JSON.stringify(await detector.detect(form)));
    const stop = new AbortController();
    const onProgress = ({ phase }) => phase === 'detecting' && stop.abort();
    console.log((await detector.detect(form, { signal: stop.signal, onProgress }).catch((error) => error)).code);
    console.log(JSON.stringify((await Detector.load()).detect(form)));
    console.log(await detector.detect({ width: 8, height: 8, data: new Uint8Array(256) }).then(({ total }) => total));
    detector.close();`;
  const same = all.run(folder, 'deno', 'eval', '--quiet', code);
  assert.deepEqual(same.trim().split('\n'), [expected, 'cancelled', expected, '0']);
});

test('workerd', async () => {
  const folder = all.set('workerd');
  const post = async (url: string, body: string | Uint8Array<ArrayBuffer>) => {
    const response = await fetch(url, { method: 'POST', body });
    return [response.status, await response.text()];
  };
  const serving = async (check: (url: string) => Promise<void>) => {
    const port = await freePort();
    const server = await all.start(
      folder,
      port,
      'workerd',
      'serve',
      'config.capnp',
      `--socket-addr=http=127.0.0.1:${port}`,
    );
    await check(server.url).finally(() => server.stop());
  };
  const three = (url: string) => Promise.all([1, 2, 3].map(() => post(url, new Uint8Array(form.png))));
  const right = [1, 2, 3].map(() => [200, expected]);
  await serving(async (url) => {
    assert.deepEqual(await three(url), right);
    const [status, refusal] = await post(url, 'text');
    assert.deepEqual([status, JSON.parse(String(refusal)).code], [400, 'unsupported_format']);
  });
  // The same with the other way in, which finds that there are no workers.
  const code = `
    import { createDetector } from 'checkbox-detector';
    import wasm from 'checkbox-detector/checkbox_detector.wasm';
    const detector = createDetector({ wasm });
    export default {
      async fetch(request) {
        if (request.method !== 'POST') return new Response();
        return Response.json(await detector.detect(await request.arrayBuffer()));
      },
    };`;
  writeFileSync(join(folder, 'worker.js'), code);
  await serving(async (url) => assert.deepEqual(await three(url), right));
});
