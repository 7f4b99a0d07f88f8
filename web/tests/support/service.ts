/** Endpoints to fall back to: the real one, and one that misbehaves as it is told. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { hostProgram } from '../../scripts/paths.mjs';

export interface RealService {
  url: string;
  stop(): Promise<void>;
}

/** `host-lambda serve` on a free port. */
export async function startHost(settings: Record<string, string> = {}): Promise<RealService> {
  const child: ChildProcess = spawn(hostProgram, ['serve', '--port', '0'], {
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.on('exit', () => reject(new Error(`the host ended: ${said}`)));
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface(stream).on('line', (line) => {
        said += `${line}\n`;
        const address = /http:\/\/[\d.]+:\d+/.exec(line)?.[0];
        if (address) resolve(address);
      });
    }
  });
  return {
    url,
    async stop() {
      child.removeAllListeners('exit');
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

export interface Asked {
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface FakeService {
  /** Without a slash at its end. */
  url: string;
  asked: Asked[];
  close(): Promise<void>;
}

/** Answers each request as `answer` does; requests whose answer never ends are dropped with the server. */
export async function startFake(answer: (response: ServerResponse, asked: Asked) => unknown): Promise<FakeService> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const one = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(parts) };
    asked.push(one);
    await answer(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sendJson(response: ServerResponse, status: number, value: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}
