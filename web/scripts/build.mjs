/** Builds the npm package (web/dist, then a tarball in dist/package) and the page (dist/page). */
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
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
    define: { WASM_BYTES: String(size) },
    ...options,
  });
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
      style: join(source, 'style.css'),
    },
    outdir: out,
    minify: true,
    plugins,
  });
  for (const name of ['index.html', 'icon.svg']) await copyFile(join(source, name), join(out, name));
  await copyFile(module, join(out, 'checkbox_detector.wasm'));
}

/** The npm package: two files of code, their declarations and the module. Not minified: whoever uses it can read it. */
async function buildPackage() {
  await rm(packageFolder, { recursive: true, force: true });
  await bundle(moduleFile, {
    entryPoints: { index: join(web, 'src/lib/index.ts'), worker: join(web, 'src/lib/worker.ts') },
    outdir: packageFolder,
  });
  await run(join(web, 'node_modules/.bin/tsc'), ['--project', join(web, 'tsconfig.package.json')]);
  await mkdir(join(packageFolder, 'bindings'), { recursive: true });
  const declarations = 'checkbox_detector.d.ts';
  await copyFile(join(bindings, declarations), join(packageFolder, 'bindings', declarations));
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
    const { size } = await stat(join(folder, name));
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
