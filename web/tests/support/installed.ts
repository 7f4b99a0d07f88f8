/** The packed tarball, installed as a user would install it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tarballFolder } from '../../scripts/paths.mjs';
import { form } from './fixtures.ts';

export interface Installed {
  /** A project with the package in its node_modules, and form.png. */
  folder: string;
  /** Runs a module of that project in a Node of its own; gives what it prints. */
  run(code: string): string;
  remove(): void;
}

/** Path of what `npm pack` made. */
export function tarball(): string {
  const name = readdirSync(tarballFolder).find((name) => name.endsWith('.tgz'));
  if (!name) throw new Error('there is no tarball in dist/package: npm run build');
  return join(tarballFolder, name);
}

/** @param parent where the project is made */
export function install(parent = tmpdir()): Installed {
  const folder = mkdtempSync(join(parent, 'checkbox-detector-'));
  writeFileSync(join(folder, 'package.json'), '{"name": "user", "type": "module", "private": true}');
  writeFileSync(join(folder, 'form.png'), form.png);
  const flags = ['--offline', '--no-audit', '--no-fund', '--silent'];
  execFileSync('npm', ['install', ...flags, tarball()], { cwd: folder });
  return {
    folder,
    run(code) {
      writeFileSync(join(folder, 'main.js'), code);
      // A program that does not end by itself is a fault.
      return execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', timeout: 120_000 });
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
