/** Tools that are too large for everyone who builds the package: fetched once, to where build.sh keeps what it fetches. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { web } from './paths.mjs';

/**
 * A folder whose `node_modules` has what tools/package.json names; one for each set of versions. Several hundred MB.
 * @returns {string}
 */
export function tools() {
  const files = ['package.json', 'package-lock.json', '.npmrc'];
  const hash = createHash('sha256');
  for (const name of files) hash.update(readFileSync(join(web, 'tools', name)));
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'checkbox-detector', `web-tools-${hash.digest('hex').slice(0, 12)}`);
  const ready = join(folder, 'ready');
  if (existsSync(ready)) return folder;
  console.log('fetching the tools of the examples and the documentation (once)');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of files) cpSync(join(web, 'tools', name), join(folder, name));
  // None of them needs its install script: each finds its program in the package for this platform.
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent', '--prefer-offline'];
  execFileSync('npm', ['install', ...flags], { cwd: folder, stdio: 'inherit' });
  writeFileSync(ready, '');
  return folder;
}
