/** The npm package as it is packed: what is in it, and that it runs in Node, Chromium and Firefox with the same answers. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { publint } from 'publint';
import { hostProgram, moduleFile, pageFolder, root, web } from '../scripts/paths.mjs';
import type { DetectionResult } from '../src/lib/types.ts';
import { form } from './support/fixtures.ts';
import { type Installed, install, tarball } from './support/installed.ts';
import { detectPlainly } from './support/plain.ts';
import { type Server, serve } from './support/server.ts';
import { browsers, type Tab } from './support/tab.ts';

const readme = readFileSync(join(web, 'README.md'), 'utf8');
const examples = (language: string) =>
  [...readme.matchAll(/```(\w+)\n(.*?)```/gs)].filter(([, name]) => name === language).map(([, , code]) => code ?? '');
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** With the default, and with so little confidence that the network's every doubt shows. */
const OPTIONS = [{}, { conf: 0.05 }];

let installed: Installed;
/** What the module itself prints, called without any of our code, for each of the options; one a line. */
let expected: string;
let result: DetectionResult;
before(() => {
  installed = install();
  const module = new WebAssembly.Module(readFileSync(moduleFile));
  const answers = OPTIONS.map((options) => detectPlainly(module, form.png, options));
  expected = answers.join('\n');
  result = JSON.parse(answers[0] ?? '');
});
after(() => installed?.remove());
const code = (name: string) => readFileSync(packed(`dist/${name}`));
const packed = (path: string) => join(installed.folder, 'node_modules/checkbox-detector', path);

/** Files of `checkbox-detector/counter`: the code, its threads, its declarations, and what PDF files need. */
const COMPONENT = /^dist\/(counter\.js|compile-worker\.js|LICENSE-fflate|types\/(counter|lib)\/.*\.d\.ts|pdf\/.+)$/;

suite('the package', () => {
  test('holds what it should and nothing else', () => {
    const files = readdirSync(packed('.'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(packed('.').length + 1))
      .filter((name) => !COMPONENT.test(name))
      .sort();
    const declared = [
      ...['batch', 'client', 'detector', 'endpoint', 'engine', 'errors', 'host', 'index', 'input', 'lane', 'node'],
      ...['pixels', 'protocol', 'source', 'types', 'worker'],
    ];
    assert.deepEqual(
      files,
      [
        'README.md',
        'docs/API.md',
        'package.json',
        'dist/LICENSE-APACHE',
        'dist/LICENSE-MIT',
        'dist/bindings/checkbox_detector.d.ts',
        'dist/checkbox_detector.wasm',
        'dist/checkbox_detector.wasm.d.ts',
        'dist/index.js',
        'dist/worker.js',
        ...declared.map((name) => `dist/${name}.d.ts`),
      ].sort(),
    );
  });

  test('has the very module that the page has and the host runs', () => {
    assert.equal(sha256(packed('dist/checkbox_detector.wasm')), sha256(moduleFile));
    assert.equal(sha256(join(pageFolder, 'checkbox_detector.wasm')), sha256(moduleFile));
  });

  test('points to nothing but its own files', () => {
    for (const name of ['index.js', 'worker.js']) {
      const code = readFileSync(packed(`dist/${name}`), 'utf8');
      const addresses = [...code.matchAll(/new URL\(["']([^"']*)["'], import\.meta\.url\)/g)].map(([, path]) => path);
      for (const path of addresses) assert.ok(existsSync(packed(`dist/${path}`)), path);
      assert.deepEqual([...code.matchAll(/\bfrom ["']([^"']*)["']/g)], [], 'imports nothing');
      assert.doesNotMatch(code, /_bg\.wasm"|\beval\(|new Function/);
    }
  });

  test('exports the module, the worker and its own description by name', () => {
    const names = ['checkbox_detector.wasm', 'worker', 'counter', 'package.json'];
    const code = names.map((name) => `console.log(import.meta.resolve('checkbox-detector/${name}'));`).join('');
    const paths = installed.run(code).trim().split('\n');
    assert.equal(paths.length, names.length);
    for (const path of paths) assert.ok(existsSync(new URL(path)), path);
  });

  test('is no larger than is said here', () => {
    const sizes: [what: string, bytes: number, most: number][] = [
      ['the tarball', statSync(tarball()).size, 5_600_000],
      ['index.js, gzip', gzipSync(code('index.js')).length, 14_000],
      ['worker.js, gzip', gzipSync(code('worker.js')).length, 4_500],
    ];
    // The module dwarfs the rest. Brotli 5 is what servers do as they go; build.sh holds what brotli 11 makes of it.
    const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
    const files = ['index.js', 'worker.js', 'checkbox_detector.wasm'].map(code);
    const page = (packed: (file: Buffer) => Buffer) => files.reduce((sum, file) => sum + packed(file).length, 0);
    sizes.push(['what a page downloads, gzip', page((file) => gzipSync(file, { level: 9 })), 3_350_000]);
    sizes.push(['what a page downloads, brotli 5', page((file) => brotliCompressSync(file, quick)), 2_800_000]);
    for (const [what, bytes, most] of sizes) {
      console.log(`${String(bytes).padStart(10)} bytes  ${what} (at most ${most})`);
      assert.ok(bytes <= most, what);
    }
  });

  test('is in order for publint and arethetypeswrong', async () => {
    assert.deepEqual((await publint({ pkgDir: web, pack: 'npm', level: 'suggestion' })).messages, []);
    const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball())));
    assert.ok(analysis.types);
    // ECMAScript modules only: the ways of finding types from before there were any, and from CommonJS, do not count.
    const problems = analysis.problems.filter(
      (problem) => !('resolutionKind' in problem) || !['node10', 'node16-cjs'].includes(problem.resolutionKind),
    );
    assert.deepEqual(problems, []);
  });

  test('has types that a strict user can check against, with either way of finding them', () => {
    const code = `
      import { createDetector, Detector, DetectorError, type DetectionResult } from 'checkbox-detector';
      import module from 'checkbox-detector/checkbox_detector.wasm';
      const detector = createDetector({ worker: false, idleMs: 10 });
      for await (const { index, result, error } of detector.detectAll([new ImageData(1, 1), 'a', new URL('b:c')])) {
        console.log(index, error ? error.code : result.total);
      }
      console.log(module satisfies WebAssembly.Module);
      const result: DetectionResult = await detector.detect(new Uint8Array(), { conf: 0.5, onProgress: (p) => p.phase });
      const kind: 'empty_checkbox' | 'filled_checkbox' | undefined = result.detections[0]?.class;
      const bytes: Uint8Array = (await Detector.load(new URL('file:///x'))).annotate(new ArrayBuffer(1), { format: 'png' });
      const error = new DetectorError('cancelled', '');
      const code: string = error.code;
      console.log(kind, bytes, code);
      // @ts-expect-error: there is no such format
      await detector.annotate(new Blob(), { format: 'gif' });`;
    writeFileSync(join(installed.folder, 'user.ts'), code);
    const tsc = join(web, 'node_modules/.bin/tsc');
    for (const [module, resolution] of [
      ['nodenext', 'nodenext'],
      ['esnext', 'bundler'],
    ] as const) {
      const flags = ['--noEmit', '--strict', '--target', 'es2022', '--types', '', '--lib', 'es2022,dom'];
      const how = ['--module', module, '--moduleResolution', resolution, '--skipLibCheck', 'false'];
      execFileSync(tsc, [...flags, ...how, 'user.ts'], { cwd: installed.folder, stdio: 'inherit' });
    }
  });
});

/** What the host prints for the test form, without the name of the file. */
const underWasmtime = (options: { conf?: number }) => {
  const conf = options.conf === undefined ? [] : ['--conf', String(options.conf)];
  const args = ['count', '--json', ...conf, join(installed.folder, 'form.png')];
  const line = execFileSync(hostProgram, args, { encoding: 'utf8' });
  return line.trim().replace(/^\{"file":"[^"]*",/, '{');
};

suite('under wasmtime', () => {
  test('the host runs the very same module', () => {
    const { sha256: compiled } = JSON.parse(readFileSync(join(hostProgram, '../module.json'), 'utf8'));
    assert.equal(compiled, sha256(moduleFile));
  });

  test('the answer is the same, byte for byte', () => {
    assert.equal(OPTIONS.map(underWasmtime).join('\n'), expected);
  });
});

suite('the schema', () => {
  const schema = JSON.parse(readFileSync(join(root, 'detector/result.schema.json'), 'utf8'));
  const valid = new Ajv2020({ strict: true }).compile(schema);

  test('describes what the module prints', () => {
    for (const line of expected.split('\n')) assert.ok(valid(JSON.parse(line)), JSON.stringify(valid.errors));
  });

  test('describes its errors', () => {
    const printed = installed.run(`
      import { Detector } from 'checkbox-detector';
      const detector = await Detector.load();
      try { detector.detect(new Uint8Array()); } catch (error) { console.log(JSON.stringify(error)); }`);
    assert.equal(JSON.parse(printed).code, 'empty_input');
    assert.ok(valid(JSON.parse(printed)), JSON.stringify(valid.errors));
  });

  test('refuses anything else', () => {
    assert.ok(!valid({}));
    assert.ok(!valid({ ...result, total: -1 }));
    assert.ok(!valid({ ...result, more: 1 }));
    const [first] = result.detections;
    assert.ok(!valid({ ...result, detections: [{ ...first, class: 'radio' }] }));
  });
});

suite('in Node', () => {
  test('the examples of the README run, and end by themselves', () => {
    const [simple, synchronous, many, endpoint, ...more] = examples('js').map((example) => installed.run(example));
    const counts = new RegExp(`empty_checkbox: ${result.counts.empty_checkbox}`);
    assert.match(simple ?? '', counts);
    assert.ok(result.total > 0 && Number(synchronous) <= result.total);
    assert.equal(readFileSync(join(installed.folder, 'annotated.png')).subarray(1, 4).toString(), 'PNG');
    assert.match(
      many ?? '',
      new RegExp(`form\\.png: ${result.total} boxes\n.*no-such\\.png: The picture could not be read`),
    );
    assert.match(endpoint ?? '', /^local /);
    assert.match(endpoint ?? '', counts);
    assert.deepEqual(more, []);
  });

  test('a program ends by itself even where the detector is left open', () => {
    const printed = installed.run(`
      import { readFileSync } from 'node:fs';
      import { createDetector } from 'checkbox-detector';
      const detector = createDetector();
      const form = readFileSync('form.png');
      for (const options of ${JSON.stringify(OPTIONS)}) console.log(JSON.stringify(await detector.detect(form, options)));`);
    assert.equal(printed.trim(), expected, 'the same JSON as from the plain exports, byte for byte');
  });

  test('without a worker the answer is the same, byte for byte', () => {
    const printed = installed.run(`
      import { readFileSync } from 'node:fs';
      import { Detector } from 'checkbox-detector';
      const detector = await Detector.load();
      const form = readFileSync('form.png');
      for (const options of ${JSON.stringify(OPTIONS)}) console.log(JSON.stringify(detector.detect(form, options)));`);
    assert.equal(printed.trim(), expected);
  });

  test('errors are those of the module', () => {
    const printed = installed.run(`
      import { readFileSync } from 'node:fs';
      import { Detector } from 'checkbox-detector';
      const detector = await Detector.load();
      const form = readFileSync('form.png');
      const tries = [[new Uint8Array()], [Buffer.from('text')], [form.subarray(0, 5000)], [form, { conf: 2 }], [form, { cnf: 1 }]];
      for (const args of tries) {
        try { detector.detect(...args); console.log('no error'); } catch (error) { console.log(error.code); }
      }
      console.log(detector.detect(form).success);`);
    const codes = ['empty_input', 'unsupported_format', 'corrupt_image', 'bad_options', 'bad_options', 'true'];
    assert.deepEqual(printed.trim().split('\n'), codes);
  });
});

for (const [name, open] of browsers) {
  suite(`in ${name}`, () => {
    let server: Server;
    let other: Server;
    let tab: Tab;
    before(async () => {
      const [page] = examples('html');
      writeFileSync(join(installed.folder, 'index.html'), page ?? '');
      server = await serve({ '/user/': installed.folder });
      other = await serve({ '/user/': installed.folder });
      tab = await open();
      await tab.go(`${server.origin}/user/`);
    });
    after(async () => {
      await tab?.close();
      await server?.close();
      await other?.close();
    });

    test('the page of the README runs', async () => {
      await tab.pick(join(installed.folder, 'form.png'));
      await tab.words(`${result.counts.filled_checkbox} filled, ${result.counts.empty_checkbox} empty`);
    });

    test('the answer is the same as in Node, byte for byte, with and without a worker', async () => {
      const json = await tab.run(async (all: typeof OPTIONS) => {
        const name = 'checkbox-detector';
        const { createDetector, Detector } = (await import(name)) as typeof import('../src/lib/index.ts');
        const detector = createDetector();
        const form = await (await fetch('form.png')).blob();
        const answers = await Promise.all(all.map((options) => detector.detect(form, options)));
        detector.close();
        const synchronous = await Detector.load();
        const bytes = await form.arrayBuffer();
        for (const options of all) answers.push(synchronous.detect(bytes, options));
        return answers.map((answer) => JSON.stringify(answer)).join('\n');
      }, OPTIONS);
      assert.equal(json, `${expected}\n${expected}`);
    });

    test('a call can be cancelled in the middle, and the next one is answered', async () => {
      const answers = await tab.run(async () => {
        const name = 'checkbox-detector';
        const { createDetector } = (await import(name)) as typeof import('../src/lib/index.ts');
        const detector = createDetector();
        const stop = new AbortController();
        const onProgress = ({ phase }: { phase: string }) => phase === 'detecting' && stop.abort();
        const cancelled = detector.detect('form.png', { signal: stop.signal, onProgress });
        const code = await cancelled.then(JSON.stringify, ({ code }) => code);
        const { total } = await detector.detect('form.png');
        detector.close();
        return [code, total];
      }, null);
      assert.deepEqual(answers, ['cancelled', result.total]);
    });

    test('whatever shows the picture is taken, and the answer is that of the file', async () => {
      const { foreign, none, nothing, ...shown } = await tab.run(async (elsewhere: string) => {
        const name = 'checkbox-detector';
        const { createDetector } = (await import(name)) as typeof import('../src/lib/index.ts');
        const detector = createDetector();
        const image = (src: string) => Object.assign(new Image(), { src });
        const bitmap = await createImageBitmap(await (await fetch('form.png')).blob());
        const { width, height } = bitmap;
        const canvas = Object.assign(document.createElement('canvas'), { width, height });
        const context = canvas.getContext('2d');
        context?.drawImage(bitmap, 0, 0);
        const offscreen = new OffscreenCanvas(width, height);
        offscreen.getContext('bitmaprenderer')?.transferFromImageBitmap(await createImageBitmap(bitmap));
        const frame = document.body.appendChild(document.createElement('iframe'));
        const FrameImage = (frame.contentWindow as unknown as typeof globalThis).Image;
        const inputs = {
          address: 'form.png',
          URL: new URL('form.png', location.href),
          'image shown small': Object.assign(image('form.png'), { width: 50 }),
          'image of another frame': Object.assign(new FrameImage(), { src: new URL('form.png', location.href).href }),
          bitmap,
          canvas,
          'canvas that is not 2D': offscreen,
          ImageData: context?.getImageData(0, 0, width, height) ?? '',
          foreign: image(`${elsewhere}/user/form.png`),
          none: image('none.png'),
          nothing: Object.assign(document.createElement('canvas'), { width: 0 }),
        };
        const answers: Record<string, string> = {};
        for (const [what, input] of Object.entries(inputs)) {
          answers[what] = await detector.detect(input).then(JSON.stringify, ({ code }) => code);
        }
        detector.close();
        return answers;
      }, other.origin);
      for (const [what, answer] of Object.entries(shown)) assert.equal(answer, JSON.stringify(result), what);
      assert.equal(Object.keys(shown).length, 8);
      for (const code of [foreign, none, nothing]) assert.equal(code, 'unreadable_input');
    });
  });
}
