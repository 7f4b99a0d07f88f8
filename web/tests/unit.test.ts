/** The parts of the package that are plain functions; those of the page are in counter.test.ts. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DetectorError, isErrorResult } from '../src/lib/errors.ts';
import { readInput } from '../src/lib/input.ts';
import { compileModule } from '../src/lib/source.ts';
import { info, standInBytes } from './support/stand-in.ts';

suite('errors', () => {
  test('are told from other things the module might throw', () => {
    assert.ok(isErrorResult({ success: false, code: 'a', detail: 'b' }));
    for (const other of [undefined, 'text', new Error('x'), { success: true }, { success: false, code: 1 }]) {
      assert.ok(!isErrorResult(other));
    }
  });

  test('print in the form of the HTTP API', () => {
    const printed = JSON.stringify(new DetectorError('cancelled', 'words'));
    assert.equal(printed, '{"success":false,"code":"cancelled","detail":"words"}');
  });
});

suite('input', () => {
  test('is copied, so that the caller keeps what is theirs', async () => {
    const pool = Buffer.from('picture');
    for (const input of [pool, new Uint8Array(pool), new Uint8Array(pool).buffer, new Blob([pool])]) {
      const bytes = await readInput(input, info());
      assert.deepEqual([...bytes], [...pool]);
      assert.notEqual(bytes.buffer, 'buffer' in input ? input.buffer : input);
      assert.equal(bytes.byteLength, bytes.buffer.byteLength);
    }
  });

  test('of another kind, or too large, is refused', async () => {
    await assert.rejects(readInput('path.png' as never, info()), { code: 'bad_input' });
    await assert.rejects(readInput(undefined as never, info()), { code: 'bad_input' });
    const large = new Blob([new Uint8Array(info().limits.max_bytes + 1)]);
    await assert.rejects(readInput(large, info()), { code: 'too_many_bytes' });
  });
});

suite('module', () => {
  const response = (type: string, bytes: Uint8Array = standInBytes) =>
    new Response(bytes as BodyInit, { headers: { 'content-type': type } });

  test('is taken as bytes, response, address or compiled', async () => {
    const address = `data:application/wasm;base64,${Buffer.from(standInBytes).toString('base64')}`;
    const sources = [
      standInBytes,
      standInBytes.slice().buffer,
      response('application/wasm'),
      // A server that does not know the media type.
      response('application/octet-stream'),
      address,
      new URL(address),
      new WebAssembly.Module(standInBytes),
    ];
    for (const source of sources) assert.ok((await compileModule(source)) instanceof WebAssembly.Module);
  });

  test('says whether it could not be loaded or cannot run', async () => {
    await assert.rejects(compileModule('http://127.0.0.1:1/none.wasm'), { code: 'load_failed' });
    await assert.rejects(compileModule('file:///none.wasm'), { code: 'load_failed' });
    await assert.rejects(compileModule(new Uint8Array([1, 2, 3])), { code: 'no_wasm' });
    await assert.rejects(compileModule(response('application/wasm', new Uint8Array([60, 33]))), { code: 'no_wasm' });
  });

  test('reports every byte that arrives', async () => {
    const seen: number[] = [];
    await compileModule(response('application/wasm'), (loaded) => seen.push(loaded));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(seen.at(-1), standInBytes.length);
  });
});
