/** Writes docs/API.md from the types: `npm run docs`. A test holds it fresh. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiFile, web } from './paths.mjs';
import { tools } from './tools.mjs';

/** @param {string} target path of the file to write */
export function writeApi(target) {
  const out = mkdtempSync(join(tmpdir(), 'checkbox-api-'));
  try {
    const typedoc = join(tools(), 'node_modules/.bin/typedoc');
    execFileSync(typedoc, ['--options', join(web, 'docs/typedoc.json'), '--out', out], { cwd: web, stdio: 'inherit' });
    copyFileSync(join(out, 'README.md'), target);
  } finally {
    rmSync(out, { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) writeApi(apiFile);
