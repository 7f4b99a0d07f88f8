/** Copies wasm-bindgen's output to where the code and the type checker look for it. Run by `npm run check` and the build. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bindings, web } from './paths.mjs';

const target = join(web, 'src/lib/bindings');
await mkdir(target, { recursive: true });
for (const name of ['checkbox_detector.js', 'checkbox_detector.d.ts']) {
  const text = await readFile(join(bindings, name), 'utf8').catch(() => {
    console.error(`dist/bindings/${name} is not there yet: build the module first (./build.sh build)`);
    process.exit(1);
  });
  await writeFile(join(target, name), text);
}
