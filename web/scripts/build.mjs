/** Builds the npm package (web/dist, then a tarball in dist/package) and the page (dist/page). */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { build, transform } from 'esbuild';
import { bindings, moduleFile, packageFolder, pageFolder, root, tarballFolder, web } from './paths.mjs';

const run = promisify(execFile);

/**
 * Bundles code for browsers and Node alike.
 * @param {string} module path of the .wasm file, whose size is written in
 * @param {import('esbuild').BuildOptions} options
 */
export async function bundle(module, options) {
  const { size } = await stat(module);
  await build({
    bundle: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    logLevel: 'warning',
    ...options,
    define: { WASM_BYTES: String(size), ...options.define },
  });
}

/**
 * A style sheet as text, for the component's shadow tree.
 * @type {import('esbuild').Plugin}
 */
const cssAsText = {
  name: 'css-as-text',
  setup(builder) {
    builder.onLoad({ filter: /[\\/]counter\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true });
      return { contents: code, loader: 'text' };
    });
  },
};

/**
 * What draws PDF pages, loaded with the first of them: pdf.js in a worker, the fonts that PDF files need not bring, decoders
 * for the picture formats of scans, and tables for Asian text.
 * @param {string} module
 * @param {string} out the folder `pdf`
 */
async function buildPdf(module, out) {
  await bundle(module, {
    entryPoints: { 'pdf-worker': join(web, 'src/counter/pdf-worker.ts') },
    outdir: out,
    minify: true,
    // Licences are in files of their own, and said again at the end of the bundle.
    legalComments: 'eof',
  });
  const pdfjs = join(web, 'node_modules/pdfjs-dist');
  for (const name of ['standard_fonts', 'cmaps']) await cp(join(pdfjs, name), join(out, name), { recursive: true });
  await mkdir(join(out, 'wasm'), { recursive: true });
  for (const name of await readdir(join(pdfjs, 'wasm'))) {
    // Not the interpreter for scripts in PDF files, nor the decoders for places without WebAssembly.
    if (/quickjs|nowasm/i.test(name)) continue;
    await copyFile(join(pdfjs, 'wasm', name), join(out, 'wasm', name));
  }
  await copyFile(join(pdfjs, 'LICENSE'), join(out, 'LICENSE-pdfjs'));
}

/**
 * The page, as a folder of static files.
 * @param {{module: string, out: string, plugins?: import('esbuild').Plugin[]}} options
 */
export async function buildPage({ module, out, plugins = [] }) {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const source = join(web, 'src/page');
  await bundle(module, {
    entryPoints: {
      main: join(source, 'main.ts'),
      worker: join(web, 'src/lib/worker.ts'),
      'compile-worker': join(web, 'src/counter/compile-worker.ts'),
      style: join(source, 'style.css'),
    },
    outdir: out,
    minify: true,
    plugins: [...plugins, cssAsText],
  });
  await buildPdf(module, join(out, 'pdf'));
  for (const name of ['index.html', 'icon.svg', 'icon-512.png', 'manifest.webmanifest']) {
    await copyFile(join(source, name), join(out, name));
  }
  await copyFile(join(web, 'node_modules/fflate/LICENSE'), join(out, 'LICENSE-fflate'));
  await cp(join(source, 'samples'), join(out, 'samples'), { recursive: true });
  await copyFile(module, join(out, 'checkbox_detector.wasm'));
  await buildServiceWorker(module, out);
}

/**
 * The service worker, which names every file of the folder by its content. Tables for Asian text are left to be fetched
 * when they are needed: few are, and all of them are as much again as everything else.
 * @param {string} module
 * @param {string} out
 */
export async function buildServiceWorker(module, out) {
  /** @type {Record<string, string>} */
  const files = {};
  const names = await readdir(out, { recursive: true, withFileTypes: true });
  const paths = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort()) {
    const name = relative(out, path).replaceAll('\\', '/');
    if (name === 'service-worker.js' || name.startsWith('pdf/cmaps/') || name.includes('LICENSE')) continue;
    files[name] = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  }
  const version = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16);
  await bundle(module, {
    entryPoints: { 'service-worker': join(web, 'src/page/service-worker.ts') },
    outdir: out,
    minify: true,
    define: { FILES: JSON.stringify(files), VERSION: JSON.stringify(version) },
  });
}

/**
 * The component, `checkbox-detector/counter`: one file, and beside it its threads.
 * @param {string} module
 * @param {string} out
 * @param {import('esbuild').Plugin[]} plugins
 */
export async function buildCounter(module, out, plugins = []) {
  await bundle(module, {
    entryPoints: {
      counter: join(web, 'src/counter/counter.ts'),
      'compile-worker': join(web, 'src/counter/compile-worker.ts'),
    },
    outdir: out,
    plugins: [...plugins, cssAsText],
  });
  await buildPdf(module, join(out, 'pdf'));
  await copyFile(join(web, 'node_modules/fflate/LICENSE'), join(out, 'LICENSE-fflate'));
}

/** The npm package: code, declarations and the module. Not minified: whoever uses it can read it. */
async function buildPackage() {
  await rm(packageFolder, { recursive: true, force: true });
  await bundle(moduleFile, {
    entryPoints: { index: join(web, 'src/lib/index.ts'), worker: join(web, 'src/lib/worker.ts') },
    outdir: packageFolder,
  });
  await buildCounter(moduleFile, packageFolder);
  for (const name of ['package', 'counter']) {
    await run(join(web, 'node_modules/.bin/tsc'), ['--project', join(web, `tsconfig.${name}.json`)]);
  }
  const declarations = 'checkbox_detector.d.ts';
  for (const folder of ['bindings', 'types/lib/bindings']) {
    await mkdir(join(packageFolder, folder), { recursive: true });
    await copyFile(join(bindings, declarations), join(packageFolder, folder, declarations));
  }
  await copyFile(moduleFile, join(packageFolder, 'checkbox_detector.wasm'));
  await copyFile(join(web, 'src/lib/checkbox_detector.wasm.d.ts'), join(packageFolder, 'checkbox_detector.wasm.d.ts'));
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) await cp(join(root, name), join(packageFolder, name));
}

async function pack() {
  await rm(tarballFolder, { recursive: true, force: true });
  await mkdir(tarballFolder, { recursive: true });
  await run('npm', ['pack', '--pack-destination', tarballFolder], { cwd: web });
}

/** @param {string} folder */
async function list(folder) {
  for (const name of (await readdir(folder)).sort()) {
    const entry = await stat(join(folder, name));
    if (!entry.isFile()) continue;
    const { size } = entry;
    console.log(`${String(size).padStart(10)}  ${join(folder, name).slice(root.length)}`);
  }
}

if (process.argv[1] === import.meta.filename) {
  await import('./bindings.mjs');
  await buildPackage();
  await pack();
  await buildPage({ module: moduleFile, out: pageFolder });
  await list(tarballFolder);
  await list(pageFolder);
}
