/** The examples, set up outside the project as a new user would: a copy, with the packed tarball in its node_modules. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { examples } from '../../scripts/paths.mjs';
import { tools } from '../../scripts/tools.mjs';
import { type Installed, install } from './installed.ts';

export interface Running {
  /** The first address that it printed, or what was expected of it. */
  url: string;
  stop(): Promise<void>;
}

export interface Examples {
  /** Sets one up; gives its folder. */
  set(name: string): string;
  /** Runs one of the installed tools, or a script of the example by `npm`; gives what it prints. */
  run(folder: string, tool: string, ...args: string[]): string;
  /** Starts a server of one of the installed tools; resolves when it answers. */
  start(folder: string, port: number, tool: string, ...args: string[]): Promise<Running>;
  remove(): void;
}

/** @throws if the tools cannot be fetched */
export function prepare(): Examples {
  const shared = tools();
  // Under the tools, so that they are found as anything is that is installed further up.
  const installed: Installed = install(shared);
  const env = {
    ...process.env,
    PATH: `${join(shared, 'node_modules/.bin')}:${process.env.PATH}`,
    DENO_DIR: join(installed.folder, 'deno-cache'),
    DENO_NO_UPDATE_CHECK: '1',
  };
  return {
    set(name) {
      const folder = join(installed.folder, name);
      cpSync(join(examples, name), folder, { recursive: true });
      cpSync(join(installed.folder, 'node_modules'), join(folder, 'node_modules'), { recursive: true });
      return folder;
    },
    run: (cwd, tool, ...args) => execFileSync(tool, args, { cwd, env, encoding: 'utf8', timeout: 120_000 }),
    async start(cwd, port, tool, ...args) {
      // In a group of its own: npm's tools are scripts that start the real program, which would outlive them.
      const child = spawn(tool, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
      const url = `http://127.0.0.1:${port}`;
      const stop = async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        if (child.pid) process.kill(-child.pid);
        await once(child, 'exit');
      };
      for (let tries = 0; !(await fetch(url).catch(() => undefined)); tries++) {
        if (tries > 300 || child.exitCode !== null) {
          await stop();
          throw new Error(`${tool} does not answer on ${url}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return { url, stop };
    },
    remove: () => installed.remove(),
  };
}
