/** The npm package as it is packed: what is in it, and that it runs in Node and Chromium with the same answers. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { hostProgram, moduleFile, pageFolder, root, web } from '../scripts/paths.mjs';
import type { DetectionResult } from '../src/lib/types.ts';
import { launch } from './support/browser.ts';
import { form } from './support/fixtures.ts';
import { type Installed, install } from './support/installed.ts';
import { detectPlainly } from './support/plain.ts';
import { serve } from './support/server.ts';

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
    const declared = ['client', 'detector', 'engine', 'errors', 'host', 'index', 'input', 'node', 'protocol', 'source'];
    assert.deepEqual(
      files,
      [
        'README.md',
        'package.json',
        'dist/LICENSE-APACHE',
        'dist/LICENSE-MIT',
        'dist/bindings/checkbox_detector.d.ts',
        'dist/checkbox_detector.wasm',
        'dist/index.js',
        'dist/worker.js',
        ...[...declared, 'types', 'worker'].map((name) => `dist/${name}.d.ts`),
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

  test('has types that a strict user can check against, with either way of finding them', () => {
    const code = `
      import { createDetector, Detector, DetectorError, type DetectionResult } from 'checkbox-detector';
      const detector = createDetector({ worker: false, idleMs: 10 });
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
    const code = examples('js');
    assert.equal(code.length, 2);
    const [first, second] = code.map((example) => installed.run(example));
    assert.match(first ?? '', new RegExp(`empty_checkbox: ${result.counts.empty_checkbox}`));
    assert.ok(result.total > 0 && Number(second) <= result.total);
    assert.equal(readFileSync(join(installed.folder, 'annotated.png')).subarray(1, 4).toString(), 'PNG');
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

suite('in Chromium', () => {
  test('the page of the README runs, and the answer is the same as in Node, byte for byte', async () => {
    const [page] = examples('html');
    assert.ok(page);
    writeFileSync(join(installed.folder, 'index.html'), page);
    const server = await serve({ '/user/': installed.folder });
    const browser = await launch();
    try {
      const tab = await browser.newPage();
      await tab.goto(`${server.origin}/user/`);
      await tab.setInputFiles('#file', join(installed.folder, 'form.png'));
      const { counts } = result;
      await tab.getByText(`${counts.filled_checkbox} filled, ${counts.empty_checkbox} empty`).waitFor();

      const json = await tab.evaluate(async (all) => {
        const name = 'checkbox-detector';
        const { createDetector } = (await import(name)) as typeof import('../src/lib/index.ts');
        const detector = createDetector();
        const form = await (await fetch('form.png')).blob();
        const answers = await Promise.all(all.map((options) => detector.detect(form, options)));
        detector.close();
        return answers.map((answer) => JSON.stringify(answer)).join('\n');
      }, OPTIONS);
      assert.equal(json, expected);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});
