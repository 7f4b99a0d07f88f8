/** `createDetector` in Node: queue, cancelling, crashes, idle workers; with the module that does as it is told. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type * as Package from '../src/lib/index.ts';
import { form, perfect } from './support/fixtures.ts';
import { answer, corrupt, createDetector, Detector, folder, order, spin, trap } from './support/stand-in-package.ts';

/** The stand-in puts into `model` how many calls its instance has had. */
const callsSoFar = async (detector: Package.CheckboxDetector) => Number((await detector.detect(answer)).model);

suite('createDetector', () => {
  test('answers in the order in which it was asked, one call at a time', async () => {
    const detector = createDetector();
    const models = await Promise.all([1, 2, 3].map(() => callsSoFar(detector)));
    assert.deepEqual(models, [1, 2, 3]);
    detector.close();
  });

  test('tells what it is doing', async () => {
    const detector = createDetector();
    const phases: string[][] = [[], []];
    await Promise.all(
      phases.map((seen) =>
        detector.detect(answer, { onProgress: ({ phase }) => seen.at(-1) !== phase && seen.push(phase) }),
      ),
    );
    assert.deepEqual(phases, [
      ['loading', 'starting', 'reading', 'detecting'],
      ['waiting', 'reading', 'detecting'],
    ]);
    detector.close();
  });

  test('loads ahead, and harmlessly twice', async () => {
    const detector = createDetector();
    const [first, second] = await Promise.all([detector.load(), detector.load()]);
    assert.equal(first.name, 'stand-in');
    assert.deepEqual(first, second);
    detector.close();
  });

  test('passes the error of the module on, and goes on', async () => {
    const detector = createDetector();
    const error = { name: 'DetectorError', code: 'corrupt_image', message: 'it is broken' };
    await assert.rejects(detector.detect(corrupt), error);
    assert.equal(await callsSoFar(detector), 2, 'the same instance');
    detector.close();
  });

  test('loses one call to a trap, and starts afresh', async () => {
    const detector = createDetector();
    assert.equal(await callsSoFar(detector), 1);
    const [trapped, next] = await Promise.allSettled([detector.detect(trap), detector.detect(answer)]);
    assert.equal(trapped.status === 'rejected' && trapped.reason.code, 'crashed');
    assert.equal(next.status === 'fulfilled' && next.value.model, '1', 'a fresh instance');
    await assert.rejects(detector.detect(order({ do: 'trap', words: 'index out of bounds' })), {
      code: 'crashed',
      message: 'The module stopped unexpectedly: index out of bounds',
    });
    detector.close();
  });

  test('cancels what runs by ending the worker, and goes on', async () => {
    const detector = createDetector();
    const stop = new AbortController();
    const running = detector.detect(spin, {
      signal: stop.signal,
      onProgress: ({ phase }) => phase === 'detecting' && setTimeout(() => stop.abort('enough'), 50),
    });
    const next = detector.detect(answer);
    await assert.rejects(running, { code: 'cancelled', cause: 'enough' });
    assert.equal((await next).model, '1', 'a fresh instance');
    detector.close();
  });

  test('cancels what waits without touching what runs', async () => {
    const detector = createDetector();
    await detector.load();
    const stop = new AbortController();
    const running = detector.detect(answer);
    const waiting = detector.detect(answer, { signal: stop.signal });
    stop.abort();
    await assert.rejects(waiting, { code: 'cancelled' });
    assert.equal((await running).model, '1');
    assert.equal(await callsSoFar(detector), 2, 'the same instance, and the cancelled call never reached it');
    await assert.rejects(detector.detect(answer, { signal: stop.signal }), { code: 'cancelled' });
    detector.close();
  });

  test('cancelled while loading, leaves the module to the next call', async () => {
    const detector = createDetector();
    const stop = new AbortController();
    const first = detector.detect(answer, { signal: stop.signal });
    const second = detector.detect(answer);
    stop.abort();
    await assert.rejects(first, { code: 'cancelled' });
    assert.equal((await second).model, '1');
    detector.close();
  });

  test('cancelled by whoever is told of its progress, leaves the next call its own answer', async () => {
    for (const at of ['loading', 'starting', 'reading', 'detecting']) {
      let started = 0;
      const worker = () => {
        started++;
        return new Worker(new URL('worker.js', pathToFileURL(join(folder, 'index.js'))));
      };
      const detector = createDetector({ worker });
      const stop = new AbortController();
      const onProgress = ({ phase }: Package.Progress) => phase === at && stop.abort();
      const running = detector.detect(corrupt, { signal: stop.signal, onProgress });
      const next = detector.detect(answer);
      await assert.rejects(running, { code: 'cancelled' }, at);
      assert.equal((await next).total, perfect.total, at);
      assert.equal(started, 1, 'the module was not reached, so its worker stays');
      detector.close();
    }
  });

  test('lets an idle worker go, and starts another when needed', async () => {
    const detector = createDetector({ idleMs: 50 });
    assert.equal(await callsSoFar(detector), 1);
    assert.equal(await callsSoFar(detector), 2);
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal(await callsSoFar(detector), 1);
    detector.close();
  });

  test('closed, answers nothing any more', async () => {
    const stop = new AbortController();
    const detector = createDetector({ signal: stop.signal });
    const calls = [detector.detect(spin), detector.detect(answer)];
    await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort();
    for (const call of [...calls, detector.load()]) await assert.rejects(call, { code: 'closed' });
    await assert.rejects(createDetector({ signal: stop.signal }).load(), { code: 'closed' });
  });

  test('takes nothing from the caller', async () => {
    const detector = createDetector();
    const bytes = new Uint8Array(answer);
    await detector.detect(bytes);
    assert.equal(bytes.byteLength, answer.byteLength);
    const drawn = await detector.annotate(bytes);
    assert.deepEqual(Buffer.from(drawn), answer);
    detector.close();
  });

  test('tries again after the module could not be loaded', async () => {
    let address = 'file:///nowhere.wasm';
    const options = {
      get wasm() {
        return address;
      },
    };
    const detector = createDetector(options);
    await assert.rejects(detector.detect(answer), { code: 'load_failed' });
    address = pathToFileURL(join(folder, 'checkbox_detector.wasm')).href;
    assert.equal(await callsSoFar(detector), 1);
    detector.close();
  });

  test('says so when the worker cannot be started', async () => {
    const detector = createDetector({ worker: 'file:///nowhere.js' });
    await assert.rejects(detector.detect(answer), { code: 'crashed' });
    detector.close();
  });
});

suite('detectAll', () => {
  async function collect(iteration: AsyncIterable<Package.Outcome>): Promise<Package.Outcome[]> {
    const outcomes: Package.Outcome[] = [];
    for await (const outcome of iteration) outcomes.push(outcome);
    return outcomes;
  }
  const codes = (outcomes: Package.Outcome[]) =>
    outcomes.map(({ index, result, error }) => [index, error?.code ?? result?.model]);

  test('gives an outcome for each input, in their order, and one bad input fails alone', async () => {
    const detector = createDetector();
    const inputs = [answer, corrupt, answer, 'no address', trap, answer];
    const outcomes = await collect(detector.detectAll(inputs));
    assert.deepEqual(codes(outcomes), [
      [0, '1'],
      [1, 'corrupt_image'],
      [2, '3'],
      [3, 'bad_input'],
      [4, 'crashed'],
      [5, '1'],
    ]);
    assert.deepEqual(
      outcomes.map(({ input }) => input),
      inputs,
    );
    assert.deepEqual(await collect(detector.detectAll([])), []);
    detector.close();
  });

  test('asks for no more inputs than it can use, and tells which one it is about', async () => {
    const detector = createDetector();
    const events: string[] = [];
    async function* pictures() {
      for (let index = 0; index < 4; index++) {
        events.push(`input ${index}`);
        yield answer;
      }
    }
    const onProgress = ({ phase }: Package.Progress, index: number) =>
      phase === 'detecting' && events.push(`detecting ${index}`);
    for await (const { index } of detector.detectAll(pictures(), { onProgress, concurrency: 1 }))
      events.push(`outcome ${index}`);
    const each = [0, 1, 2, 3].flatMap((index) => [`input ${index}`, `detecting ${index}`, `outcome ${index}`]);
    assert.deepEqual(events, each);
    detector.close();
  });

  test('gives what is done while the next input is long in coming', async () => {
    const detector = createDetector();
    let come: () => void = () => {};
    async function* pictures() {
      yield answer;
      await new Promise<void>((resolve) => {
        come = resolve;
      });
      yield answer;
    }
    const iteration = detector.detectAll(pictures());
    assert.equal((await iteration.next()).value?.index, 0);
    come();
    assert.equal((await iteration.next()).value?.index, 1);
    assert.equal((await iteration.next()).done, true);
    detector.close();
  });

  test('broken off, cancels what is under way and lets the inputs go', async () => {
    const detector = createDetector();
    let left = false;
    function* pictures() {
      try {
        while (true) yield left ? spin : answer;
      } finally {
        left = true;
      }
    }
    for await (const { result } of detector.detectAll(pictures(), { concurrency: 3 })) {
      assert.equal(result?.model, '1');
      break;
    }
    assert.ok(left);
    assert.ok((await callsSoFar(detector)) <= 4, 'nothing waits in front of this call');
    detector.close();
  });

  test('cancelled or closed, ends as a whole', async () => {
    const detector = createDetector();
    const stop = new AbortController();
    const iteration = detector.detectAll([answer, spin, answer], { signal: stop.signal });
    assert.equal((await iteration.next()).value?.index, 0);
    setTimeout(() => stop.abort('enough'), 30);
    await assert.rejects(iteration.next(), { code: 'cancelled', cause: 'enough' });
    assert.equal((await iteration.next()).done, true);
    const later = new AbortController();
    const never = detector.detectAll(
      (async function* () {
        await new Promise(() => {});
        yield answer;
      })(),
      { signal: later.signal },
    );
    setTimeout(() => later.abort(), 30);
    await assert.rejects(never.next(), { code: 'cancelled' });
    const closing = detector.detectAll([spin]).next();
    setTimeout(() => detector.close(), 30);
    await assert.rejects(closing, { code: 'closed' });
  });

  test('passes on what the inputs throw', async () => {
    const detector = createDetector();
    const inputs = (function* () {
      yield answer;
      throw new Error('the folder is gone');
    })();
    await assert.rejects(collect(detector.detectAll(inputs)), { message: 'the folder is gone' });
    detector.close();
  });
});

// Last: this thread's instance does not survive.
suite('in this thread', () => {
  test('answers alike, and loading twice gives the same detector', async () => {
    const [first, second] = await Promise.all([Detector.load(), Detector.load()]);
    assert.equal(first, second);
    assert.equal(first.info().name, 'stand-in');
    assert.equal(first.detect(answer).total, perfect.total);
    assert.throws(() => first.detect(form.png), { code: 'unsupported_format' });
    assert.throws(() => first.detect(new Uint8Array(2_000_001)), { code: 'too_many_bytes' });
    const detector = createDetector({ worker: false });
    assert.equal((await detector.detect(answer)).total, perfect.total);
    detector.close();
  });

  test('does not answer after a trap', async () => {
    const detector = await Detector.load();
    assert.throws(() => detector.detect(trap), { code: 'crashed' });
    assert.throws(() => detector.detect(answer), { code: 'crashed' });
  });
});
