/**
 * Times the module in Node, on one thread: `npm run bench`. Called by its plain exports, so nothing else is measured.
 * Times vary with the machine and what else it does; to compare two modules, name both: `npm run bench -- A.wasm B.wasm`.
 * Their runs are interleaved then.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { moduleFile, root, web } from './paths.mjs';

const RUNS = 15;

/** An almost empty grey BMP at the working scale of a letter page: nothing to decode, to scale or to verify, so that the
 * time is that of the finder and little else. Only specks in two corners, for blank margins are not read. */
function pageAtWorkingScale(width = 736, height = 952) {
  const stride = Math.ceil(width / 4) * 4;
  const [header, palette] = [54, 1024];
  const bytes = Buffer.alloc(header + palette + stride * height, 255);
  bytes.fill(0, 0, header);
  bytes.write('BM');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(header + palette, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(8, 28);
  for (let grey = 0; grey < 256; grey++) bytes.writeUInt32LE(grey * 0x010101, header + grey * 4);
  for (const at of [0, stride * height - 1]) bytes[header + palette + at] = 0;
  return bytes;
}

/** @type {[what: string, page: Buffer][]} */
const pages = [
  ['an all but empty letter page at working scale (the finder, and little else)', pageAtWorkingScale()],
  ['a letter page of 1275 x 1650 with 25 boxes, PNG', await readFile(join(web, 'tests/fixtures/form.png'))],
  ['the same as JPEG', await readFile(join(web, 'tests/fixtures/form-sideways.jpg'))],
  ['a page of 763 x 987 with 13 boxes', await readFile(join(root, 'detector/tests/pages/drawn-733.png'))],
];

/** @param {string} path */
async function load(path) {
  /** @type {Record<string, number[]>} */
  const times = {};
  /**
   * @template T
   * @param {string} what
   * @param {() => T} work
   */
  const time = (what, work) => {
    const start = performance.now();
    const result = work();
    const taken = performance.now() - start;
    times[what] = [...(times[what] ?? []), taken];
    return result;
  };
  const bytes = await readFile(path);
  const module = time('compiling the module', () => new WebAssembly.Module(bytes));
  /** @type {WebAssembly.Imports} */
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] = { ...imports[from], [name]: () => process.abort() };
  }
  /** @type {any} */
  const exports = time('a new instance', () => new WebAssembly.Instance(module, imports).exports);
  time('building the plans of both networks', () => exports.cbd_init());
  return { path, times, time, exports };
}

const modules = [];
for (const path of process.argv.length > 2 ? process.argv.slice(2) : [moduleFile]) modules.push(await load(path));
for (let run = 0; run < RUNS; run++) {
  for (const [what, page] of pages) {
    for (const { exports, time } of modules) {
      const at = exports.cbd_alloc(page.length);
      new Uint8Array(exports.memory.buffer).set(page, at);
      const status = time(what, () => exports.cbd_detect(at, page.length, 0, 0));
      if (status !== 0) throw new Error(`cbd_detect failed on ${what}`);
      exports.cbd_free(at, page.length);
    }
  }
}

/** @param {number[]} times */
const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
for (const { path, times, exports } of modules) {
  console.log(`${path} in Node ${process.version}, one thread, median of ${RUNS}`);
  for (const [what, each] of Object.entries(times)) console.log(`${median(each).toFixed(0).padStart(6)} ms  ${what}`);
  console.log(
    `${(exports.memory.buffer.byteLength / 1e6).toFixed(0).padStart(6)} MB  memory of the instance afterwards`,
  );
}
