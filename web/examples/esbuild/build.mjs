import { copyFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

await build({ entryPoints: ['src/main.js'], bundle: true, format: 'esm', minify: true, outdir: 'dist' });
copyFileSync('index.html', 'dist/index.html');

// esbuild does not follow `new URL(…, import.meta.url)`: the module and the worker go beside the bundle, where it looks.
for (const [name, file] of [
  ['checkbox_detector.wasm', 'checkbox_detector.wasm'],
  ['worker', 'worker.js'],
]) {
  copyFileSync(fileURLToPath(import.meta.resolve(`checkbox-detector/${name}`)), `dist/${file}`);
}
