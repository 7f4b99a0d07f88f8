/** Falling back to an endpoint: when it is asked, when not, and what becomes of its answers; with a module that fails. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { generated, moduleFile, packageFolder } from '../scripts/paths.mjs';
import { secondsToWait } from '../src/lib/endpoint.ts';
import { DetectorError } from '../src/lib/errors.ts';
import type { EndpointOptions, WorkerThread } from '../src/lib/index.ts';
import { launch } from './support/browser.ts';
import { form, perfect, truth } from './support/fixtures.ts';
import { detectPlainly } from './support/plain.ts';
import { type Server, serve } from './support/server.ts';
import { type FakeService, type RealService, sendJson, startFake, startHost } from './support/service.ts';
import { answer, corrupt, createDetector, folder, order, spin, trap } from './support/stand-in-package.ts';

const NOWHERE = 'file:///nowhere.wasm';
/** A module that this place cannot compile: the version is one of the future. */
const FUTURE = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x63, 0x00, 0x00, 0x00);
const KEY = 'a-key-of-sixteen-or-more';

/** A worker that finds no memory for the module. */
function poorWorker(): WorkerThread {
  const error = new DetectorError('out_of_memory', 'The module could not be started');
  let reply = (_: unknown) => {};
  return {
    on(event, listener) {
      if (event === 'message') reply = listener;
    },
    postMessage: () => queueMicrotask(() => reply({ error: error.toJSON() })),
    terminate() {},
    ref() {},
    unref() {},
  };
}

suite('with the real service', () => {
  let service: RealService;
  let endpoint: EndpointOptions;
  /** What the module prints for the form, called without any of our code. */
  let expected: string;
  before(async () => {
    service = await startHost({ CHECKBOX_API_KEYS: KEY });
    endpoint = { url: service.url, headers: { 'x-api-key': KEY } };
    expected = detectPlainly(new WebAssembly.Module(readFileSync(moduleFile)), form.png, {});
  });
  after(() => service?.stop());

  for (const [why, options, picture] of [
    ['it traps', {}, order({ do: 'trap' })],
    ['it cannot be loaded', { wasm: NOWHERE }, form.png],
    ['it cannot be compiled here, as without SIMD', { wasm: FUTURE }, form.png],
    ['there is no memory for it', { worker: poorWorker }, form.png],
  ] as const) {
    test(`answers like the module when ${why}`, async () => {
      const detector = createDetector({ ...options, endpoint });
      const { ranOn, ...result } = await detector.detect(picture);
      assert.equal(ranOn, 'endpoint');
      assert.equal(JSON.stringify(result), expected);
      detector.close();
    });
  }

  test('passes options on, and reads the first page of a TIFF, as the module does', async () => {
    const detector = createDetector({ endpoint: { ...endpoint, use: 'always' } });
    const [few, many, tiff] = await Promise.all([
      detector.detect(form.png, { conf: 1 }),
      detector.detect(form.png, { conf: 0.05 }),
      detector.detect(form.tiff),
    ]);
    assert.ok(few.total < many.total);
    assert.equal(tiff.total, JSON.parse(expected).total);
    await assert.rejects(detector.detect(form.png, { conf: 2 }), { code: 'bad_options' });
    detector.close();
  });

  test('draws', async () => {
    const detector = createDetector({ wasm: NOWHERE, endpoint });
    const picture = await detector.annotate(form.png, { format: 'png' });
    assert.equal(Buffer.from(picture).subarray(1, 4).toString(), 'PNG');
    assert.equal(Buffer.from(await detector.annotate(form.png)).readUInt16BE(), 0xffd8, 'JPEG');
    detector.close();
  });

  test('tells what the module over there is', async () => {
    const detector = createDetector({ endpoint: { ...endpoint, use: 'always' } });
    const info = await detector.load();
    assert.equal(info.name, 'checkbox-detector');
    assert.equal(info.limits.max_bytes, 64 * 1024 * 1024);
    detector.close();
  });

  test('says what it says of a bad picture, and why it was asked', async () => {
    const detector = createDetector({ wasm: NOWHERE, endpoint });
    const failure = await detector.detect(Buffer.from('text')).catch((error) => error);
    assert.equal(failure.code, 'unsupported_format');
    assert.equal(failure.cause.code, 'load_failed');
    detector.close();
  });

  test('wants its key', async () => {
    const detector = createDetector({ wasm: NOWHERE, endpoint: service.url });
    await assert.rejects(detector.detect(form.png), { code: 'unauthorized' });
    detector.close();
  });
});

suite('with the real service, from a page in Chromium', () => {
  let server: Server;
  let service: RealService;
  before(async () => {
    mkdirSync(join(generated, 'endpoint'), { recursive: true });
    writeFileSync(join(generated, 'endpoint/index.html'), '<!doctype html>');
    writeFileSync(join(generated, 'endpoint/trap.png'), trap);
    server = await serve({ '/stand-in/': folder, '/real/': packageFolder, '/': join(generated, 'endpoint') });
    service = await startHost({ CHECKBOX_API_KEYS: KEY, CHECKBOX_CORS_ORIGINS: server.origin });
  });
  after(async () => {
    await service?.stop();
    await server?.close();
  });

  /** Runs a call in a page of that origin, in a browser with these flags; gives the result as JSON, or the error's code. */
  async function call(origin: string, code: string, ...flags: string[]): Promise<string> {
    const browser = await launch(...flags);
    try {
      const page = await browser.newPage();
      await page.goto(`${origin}/`);
      return await page.evaluate(
        async ({ code, endpoint }) => {
          const { createDetector } = (await import(code)) as typeof import('../src/lib/index.ts');
          const detector = createDetector({ endpoint });
          return detector.detect('trap.png').then(JSON.stringify, ({ code }) => code);
        },
        { code, endpoint: { url: service.url, headers: { 'x-api-key': KEY } } },
      );
    } finally {
      await browser.close();
    }
  }

  test('answers when the module traps', async () => {
    const { ranOn, total } = JSON.parse(await call(server.origin, '/stand-in/index.js'));
    assert.deepEqual([ranOn, total], ['endpoint', truth.boxes.length]);
  });

  test('answers where there is no WebAssembly', async () => {
    const { ranOn, total } = JSON.parse(await call(server.origin, '/real/index.js', '--js-flags=--jitless'));
    assert.deepEqual([ranOn, total], ['endpoint', truth.boxes.length]);
  });

  test('does not answer a page that it does not know', async () => {
    const stranger = server.origin.replace('127.0.0.1', 'localhost');
    assert.equal(await call(stranger, '/stand-in/index.js'), 'endpoint_failed');
  });
});

suite('the endpoint is not asked', () => {
  let service: FakeService;
  before(async () => {
    service = await startFake((response) => sendJson(response, 200, perfect));
  });
  after(() => service.close());
  const unasked = () => assert.deepEqual(service.asked, []);

  test('while the module answers, which says so', async () => {
    const detector = createDetector({ endpoint: service.url });
    assert.deepEqual(await detector.detect(answer), { ...perfect, model: '1', ranOn: 'local' });
    assert.equal((await detector.load()).name, 'stand-in');
    detector.close();
    unasked();
  });

  test('without being configured, and the result is the bare form', async () => {
    const detector = createDetector();
    assert.deepEqual(await detector.detect(answer), { ...perfect, model: '1' });
    await assert.rejects(detector.detect(trap), { code: 'crashed' });
    detector.close();
    unasked();
  });

  test('about errors of the picture or of its reading', async () => {
    const detector = createDetector({ endpoint: service.url });
    await assert.rejects(detector.detect(corrupt), { code: 'corrupt_image' });
    await assert.rejects(detector.detect(new Uint8Array(2_000_001)), { code: 'too_many_bytes' });
    await assert.rejects(detector.detect(new URL('file:///nowhere.png')), { code: 'unreadable_input' });
    await assert.rejects(detector.detect('picture.png'), { code: 'bad_input' });
    detector.close();
    unasked();
  });

  test('after a call is cancelled or the detector closed', async () => {
    const detector = createDetector({ endpoint: service.url });
    const stop = new AbortController();
    const onProgress = ({ phase }: { phase: string }) => phase === 'detecting' && setTimeout(() => stop.abort(), 20);
    await assert.rejects(detector.detect(spin, { signal: stop.signal, onProgress }), { code: 'cancelled' });
    await assert.rejects(detector.detect(spin, { signal: stop.signal }), { code: 'cancelled' });
    const running = detector.detect(spin);
    setTimeout(() => detector.close(), 20);
    await assert.rejects(running, { code: 'closed' });
    await assert.rejects(detector.detect(answer), { code: 'closed' });
    unasked();
  });
});

suite('the endpoint is asked', () => {
  const perfectly = () => startFake((response) => sendJson(response, 200, perfect));

  test('about the one picture that crashed the module, and no other', async () => {
    const service = await perfectly();
    const detector = createDetector({ endpoint: service.url });
    const results = await Promise.all([answer, trap, answer].map((picture) => detector.detect(picture)));
    assert.deepEqual(
      results.map(({ ranOn }) => ranOn),
      ['local', 'endpoint', 'local'],
    );
    assert.equal(service.asked.length, 1);
    assert.deepEqual(service.asked[0]?.body, trap, 'the very bytes');
    detector.close();
    await service.close();
  });

  test('at once when it is known that the module does not run here', async () => {
    const service = await perfectly();
    let tries = 0;
    const options = {
      endpoint: service.url,
      get wasm() {
        tries++;
        return FUTURE;
      },
    };
    const detector = createDetector(options);
    for (let call = 0; call < 3; call++) assert.equal((await detector.detect(answer)).ranOn, 'endpoint');
    assert.equal(tries, 1);
    detector.close();
    await service.close();
  });

  test('first and only, if so told: nothing is loaded here', async () => {
    const service = await perfectly();
    const detector = createDetector({ wasm: NOWHERE, endpoint: { url: service.url, use: 'always' } });
    const phases: unknown[] = [];
    const onProgress = (progress: unknown) => phases.push(progress);
    assert.deepEqual(await detector.detect(answer, { onProgress }), { ...perfect, ranOn: 'endpoint' });
    assert.deepEqual(phases, [
      { phase: 'reading', ranOn: 'endpoint' },
      { phase: 'detecting', ranOn: 'endpoint' },
    ]);
    detector.close();
    await service.close();
  });

  test('under its own address, with headers made anew each time', async () => {
    const service = await perfectly();
    let keys = 0;
    const headers = async () => ({ authorization: `Bearer ${++keys}` });
    for (const url of [`${service.url}/prod`, new URL(`${service.url}/prod/?left=out`)]) {
      const detector = createDetector({ endpoint: { url, headers, use: 'always' } });
      await detector.detect(answer, { conf: 0.25 });
      detector.close();
    }
    assert.deepEqual(
      service.asked.map(({ path, headers }) => [path, headers.authorization]),
      [
        ['/prod/predict?conf=0.25', 'Bearer 1'],
        ['/prod/predict?conf=0.25', 'Bearer 2'],
      ],
    );
    await service.close();
  });

  test('with so many requests at once, and the others wait', async () => {
    let now = 0;
    let most = 0;
    const service = await startFake(async (response) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 20));
      now--;
      sendJson(response, 200, perfect);
    });
    const detector = createDetector({ endpoint: { url: service.url, use: 'always', concurrency: 2 } });
    let waited = 0;
    const onProgress = ({ phase }: { phase: string }) => phase === 'waiting' && waited++;
    const stop = new AbortController();
    const calls = Array.from({ length: 6 }, () => detector.detect(answer, { onProgress }));
    const dropped = detector.detect(answer, { signal: stop.signal });
    stop.abort();
    await assert.rejects(dropped, { code: 'cancelled' });
    await Promise.all(calls);
    assert.deepEqual([most, waited, service.asked.length], [2, 4, 6]);
    detector.close();
    await service.close();
  });
});

suite('an endpoint', () => {
  /** What a call ends with against a service that answers like this. */
  async function outcome(answerAs: Parameters<typeof startFake>[0], options: Partial<EndpointOptions> = {}) {
    const service = await startFake(answerAs);
    const detector = createDetector({ endpoint: { url: service.url, use: 'always', ...options } });
    const result = await detector.detect(answer).catch((error) => error);
    detector.close();
    await service.close();
    return { code: result.code ?? 'none', message: result.message, asked: service.asked.length, result };
  }

  test('that is down says so, and why it was asked', async () => {
    const service = await startFake(() => {});
    await service.close();
    const detector = createDetector({ endpoint: service.url });
    const failure = await detector.detect(trap).catch((error) => error);
    assert.equal(failure.code, 'endpoint_failed');
    assert.match(failure.message, /could not be reached/);
    assert.equal(failure.cause.code, 'crashed');
    assert.equal((await detector.detect(answer)).ranOn, 'local', 'the next picture is none the worse for it');
    detector.close();
  });

  test('that is slow is given up after the time it has', async () => {
    const { code, message } = await outcome(() => {}, { timeoutMs: 50 });
    assert.equal(code, 'timeout');
    assert.match(message, /0\.05 s/);
  });

  test('that hangs can be cancelled, and closed', async () => {
    const service = await startFake(() => {});
    const detector = createDetector({ endpoint: { url: service.url, use: 'always' } });
    const stop = new AbortController();
    setTimeout(() => stop.abort('enough'), 30);
    await assert.rejects(detector.detect(answer, { signal: stop.signal }), { code: 'cancelled', cause: 'enough' });
    const running = detector.detect(answer);
    setTimeout(() => detector.close(), 30);
    await assert.rejects(running, { code: 'closed' });
    await service.close();
  });

  test('that is no detector is found out', async () => {
    const html = await outcome((response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype>'),
    );
    assert.equal(html.code, 'endpoint_failed');
    assert.match(html.message, /text\/html/);
    const [first] = perfect.detections;
    const answers = [
      null,
      [],
      { success: true },
      { ...perfect, total: 1 },
      { ...perfect, detections: [null], total: 1 },
      { ...perfect, detections: [{ ...first, bbox: { x1: '0' } }], total: 1 },
      { success: false, code: 'corrupt_image', detail: 'with status 200' },
    ];
    for (const value of answers) {
      const { code } = await outcome((response) => sendJson(response, 200, value));
      assert.equal(code, 'endpoint_failed', JSON.stringify(value));
    }
  });

  test('that breaks off in the middle says so', async () => {
    const { code } = await outcome((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
      response.write('{"success":true,');
      setTimeout(() => response.destroy(), 20);
    });
    assert.equal(code, 'endpoint_failed');
  });

  test('has its own errors passed on, and a gateway’s told by their status', async () => {
    const own = { success: false, code: 'too_small', detail: 'the picture is too small' };
    assert.deepEqual((await outcome((response) => sendJson(response, 422, own))).result.toJSON(), own);
    for (const [status, code] of [
      [401, 'unauthorized'],
      [403, 'unauthorized'],
      [404, 'endpoint_failed'],
      [413, 'payload_too_large'],
      [502, 'endpoint_failed'],
      [504, 'timeout'],
    ] as const) {
      const answered = await outcome((response) => sendJson(response, status, { message: 'of the gateway' }));
      assert.deepEqual([answered.code, answered.asked], [code, 1]);
    }
  });

  test('that is busy is asked again when it says, and not forever', async () => {
    let refusals = 2;
    const times: number[] = [];
    const recovering = await outcome((response) => {
      times.push(performance.now());
      if (refusals-- > 0) sendJson(response, 429, {}, { 'retry-after': '1' });
      else sendJson(response, 200, perfect);
    });
    assert.equal(recovering.result.total, perfect.total);
    const [first = 0, second = 0] = times;
    assert.ok(second - first > 950, 'the second after it was told');
    const stubborn = await outcome((response) => sendJson(response, 503, {}, { 'retry-after': '0' }));
    assert.deepEqual([stubborn.code, stubborn.asked], ['busy', 4]);
    const closed = await outcome((response) => sendJson(response, 429, {}, { 'retry-after': '3600' }));
    assert.deepEqual([closed.code, closed.asked], ['busy', 1], 'an hour is not waited for');
    const late = await outcome((response) => sendJson(response, 429, {}, { 'retry-after': '20' }), { timeoutMs: 60 });
    assert.deepEqual([late.code, late.asked], ['timeout', 1], 'waiting counts');
  });

  test('may ask for patience in seconds, by a date, or in no way that can be read', () => {
    assert.equal(secondsToWait('3', 0), 3);
    assert.deepEqual([secondsToWait(null, 0), secondsToWait('', 1), secondsToWait('soon', 2)], [1, 2, 4]);
    const inFive = secondsToWait(new Date(Date.now() + 5000).toUTCString(), 0) ?? -1;
    assert.ok(inFive > 3 && inFive <= 5);
    assert.equal(secondsToWait('Wed, 21 Oct 2015 07:28:00 GMT', 0), 0);
    assert.equal(secondsToWait('31', 0), undefined);
  });

  test('without an address that can be read is refused', async () => {
    const detector = createDetector({ endpoint: { url: 'not an address', use: 'always' } });
    await assert.rejects(detector.detect(answer), { code: 'bad_options' });
    detector.close();
  });
});
