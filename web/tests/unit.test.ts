/** The parts of the package that are plain functions; those of the page are in counter.test.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { moduleFile, web } from '../scripts/paths.mjs';
import { DetectorError, isErrorResult } from '../src/lib/errors.ts';
import { type Reading, readInput } from '../src/lib/input.ts';
import { bmp, bmpSize, png } from '../src/lib/pixels.ts';
import { compileModule } from '../src/lib/source.ts';
import { form, formPixels } from './support/fixtures.ts';
import { detectPlainly } from './support/plain.ts';
import { serve } from './support/server.ts';
import { startFake } from './support/service.ts';
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
      const bytes = await readInput(input, { info: info() });
      assert.deepEqual([...bytes], [...pool]);
      assert.notEqual(bytes.buffer, 'buffer' in input ? input.buffer : input);
      assert.equal(bytes.byteLength, bytes.buffer.byteLength);
    }
  });

  test('of another kind, or too large, is refused', async () => {
    await assert.rejects(readInput('path.png' as never, { info: info() }), { code: 'bad_input' });
    await assert.rejects(readInput(undefined as never, { info: info() }), { code: 'bad_input' });
    await assert.rejects(readInput({ src: 'form.png' } as never), { code: 'bad_input' });
    const large = new Blob([new Uint8Array(info().limits.max_bytes + 1)]);
    await assert.rejects(readInput(large, { info: info() }), { code: 'too_many_bytes' });
  });
});

suite('addresses', () => {
  const file = pathToFileURL(join(web, 'tests/fixtures/form.png'));

  test('are read: of a file, with its data in it, or of a server', async () => {
    const server = await serve({ '/': join(web, 'tests/fixtures') });
    const data = `data:image/png;base64,${form.png.toString('base64')}`;
    for (const address of [file, file.href, data, `${server.origin}/form.png`, new URL(`${server.origin}/form.png`)]) {
      assert.deepEqual(Buffer.from(await readInput(address)), form.png);
    }
    await assert.rejects(readInput(`${server.origin}/none.png`), { code: 'unreadable_input', message: /404/ });
    await server.close();
    await assert.rejects(readInput(`${server.origin}/form.png`), { code: 'unreadable_input' });
  });

  test('that deliver too much are not read to the end', async () => {
    const limited = { ...info(), limits: { ...info().limits, max_bytes: 1000 } };
    await assert.rejects(readInput(file, { info: limited }), { code: 'too_many_bytes' });
    let sent = 0;
    const server = await startFake(async (response) => {
      response.on('error', () => {});
      for (; !response.destroyed && sent < 1000; sent++) {
        response.write(Buffer.alloc(10_000));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      response.end();
    });
    await assert.rejects(readInput(server.url, { info: limited }), { code: 'too_many_bytes' });
    await server.close();
    assert.ok(sent < 1000, 'it sent all it had');
  });

  test('that hang are left when the call is cancelled', async () => {
    const server = await startFake(() => {});
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    await assert.rejects(readInput(server.url, { signal: stop.signal }), { code: 'unreadable_input' });
    await server.close();
  });
});

suite('pixels', () => {
  const module = new WebAssembly.Module(readFileSync(moduleFile));
  const pixels = formPixels();

  test('made into a file say the same to the module as the file they come from', async () => {
    const expected = detectPlainly(module, form.png, {});
    assert.equal(detectPlainly(module, bmp(pixels), {}), expected);
    assert.equal(detectPlainly(module, await png(pixels), {}), expected);
  });

  test('go uncompressed to the module, compressed to an endpoint or where they would be too many', async () => {
    const kind = async (reading: Reading) => Buffer.from(await readInput(pixels, reading)).toString('latin1', 0, 4);
    const limited = (max_bytes: number) => ({ info: { ...info(), limits: { ...info().limits, max_bytes } } });
    assert.match(await kind(limited(bmpSize(pixels))), /^BM/);
    assert.equal(await kind({ small: true }), '\x89PNG');
    assert.equal(await kind(limited(bmpSize(pixels) - 1)), '\x89PNG');
    await assert.rejects(readInput(pixels, limited(1000)), { code: 'too_many_bytes' });
  });

  test('that are see-through lie on white, in whatever row', () => {
    const half = { width: 1, height: 2, data: Uint8Array.of(0, 0, 0, 255, 200, 100, 0, 128) };
    const file = bmp(half);
    // Blue, green, red, and a byte to fill the row up to four.
    assert.deepEqual([...file.subarray(54)], [0, 0, 0, 0, 127, 177, 227, 0]);
  });

  test('whose number is not that of the picture are refused', async () => {
    for (const wrong of [{ width: 0 }, { height: 1.5 }, { data: new Uint8Array(8) }, { data: new Float32Array(4) }]) {
      const input = { width: 1, height: 1, data: new Uint8Array(4), ...wrong } as never;
      await assert.rejects(readInput(input), { code: 'bad_input' });
    }
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
