/** The page as it is shipped, with the real module: right counts, in every format, on real forms. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { pageFolder, root } from '../scripts/paths.mjs';
import { launch } from './support/browser.ts';
import { empty, filled, form, truth } from './support/fixtures.ts';
import { Visit } from './support/page.ts';
import { type Server, serve } from './support/server.ts';

const PATH = '/any/path/';
const right = { filled, empty, total: filled + empty };

let browser: Browser;
let server: Server;
before(async () => {
  server = await serve({ [PATH]: pageFolder });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await server.close();
});

suite('the page with the real module', () => {
  test('counts a picture that is dropped, pasted or chosen', async () => {
    const visit = await Visit.to(browser, server, PATH);
    await visit.drop({ name: 'dropped.png', bytes: form.png });
    assert.deepEqual(await visit.counts(), right);
    await visit.photograph('counted');
    await visit.page.getByRole('button', { name: 'Start over' }).click();
    await visit.paste({ name: 'image.png', bytes: form.png });
    assert.deepEqual(await visit.counts(), right);
    await visit.page.getByRole('button', { name: 'Start over' }).click();
    await visit.pick({ name: 'chosen.png', bytes: form.png });
    assert.deepEqual(await visit.counts(), right);
    await visit.leave();
  });

  test('draws the boxes where they are printed, also where only EXIF turns the picture upright', async () => {
    for (const [name, bytes] of [
      ['form.png', form.png],
      ['sideways.jpg', form.sideways],
    ] as const) {
      const visit = await Visit.to(browser, server, PATH);
      await visit.drop({ name, bytes });
      assert.deepEqual(await visit.counts(), right, name);
      await visit.page.locator('.overlay').waitFor();
      const image = await visit.page.locator('#stage img').boundingBox();
      assert.ok(image);
      const shapes = await visit.page.locator('.overlay > g').evaluateAll((groups) =>
        groups.map((group) => {
          const { left, top, width, height } = (group.querySelector('.box') as Element).getBoundingClientRect();
          return { x: left + width / 2, y: top + height / 2, filled: group.classList.contains('filled') };
        }),
      );
      const scale = image.width / truth.image.width;
      for (const { class: kind, bbox } of truth.boxes) {
        const x: number = image.x + ((bbox.x1 + bbox.x2) / 2) * scale;
        const y: number = image.y + ((bbox.y1 + bbox.y2) / 2) * scale;
        const near: typeof shapes = shapes.filter((shape) => Math.hypot(shape.x - x, shape.y - y) < 3);
        assert.equal(near.length, 1, `${name}: one shape over the box at ${bbox.x1}, ${bbox.y1}`);
        assert.equal(near[0]?.filled, kind === 'filled_checkbox');
      }
      await visit.photograph(name.replace(/\..*/, ''));
      await visit.leave();
    }
  });

  test('counts a TIFF and shows it, which the browser cannot', async () => {
    const visit = await Visit.to(browser, server, PATH);
    await visit.drop({ name: 'scan.tiff', bytes: form.tiff });
    assert.deepEqual(await visit.counts(), right);
    await visit.page.locator('.overlay').waitFor();
    const drawn = await visit.page.locator('#stage img').evaluate((image: HTMLImageElement) => image.naturalWidth);
    assert.equal(drawn, truth.image.width);
    await visit.photograph('tiff');
    await visit.leave();
  });

  test('says in words why a file cannot be counted, and counts the others', async () => {
    const visit = await Visit.to(browser, server, PATH);
    await visit.drop(
      { name: 'cut.png', bytes: form.png.subarray(0, 20_000) },
      { name: 'nothing.png', bytes: new Uint8Array() },
      { name: 'paper.pdf', bytes: Buffer.from('%PDF-1.7\n') },
      { name: 'good.png', bytes: form.png },
    );
    await visit.page.getByText('1 of 4 counted').waitFor();
    const words: Record<string, RegExp> = {
      'cut.png': /^The picture could not be decoded/,
      'nothing.png': /^The file is empty/,
      'paper.pdf': /This PDF is damaged/,
    };
    for (const [name, expected] of Object.entries(words)) {
      await visit.page.getByRole('button', { name: new RegExp(name) }).click();
      assert.match(await visit.text('failure-words'), expected, name);
      assert.ok(await visit.page.getByRole('alert').and(visit.page.locator('#failure')).isVisible());
    }
    await visit.photograph('unreadable');
    await visit.page.getByRole('button', { name: /good\.png/ }).click();
    assert.deepEqual(await visit.counts(), right);
    await visit.leave();
  });

  test('is loaded from its own folder only', () => {
    const outside = server.requests.filter((path) => !path.startsWith(PATH));
    assert.deepEqual([...new Set(outside)], []);
    assert.ok(server.requests.includes(`${PATH}checkbox_detector.wasm`));
  });
});

const corpus = process.env.CORPUS ?? join(root, '../shared/corpus');
const scans = join(corpus, 'images/accident_statement');
const absent = existsSync(scans) ? false : `no corpus of real forms at ${corpus}: set CORPUS to its folder`;

suite('on real scans', { skip: absent }, () => {
  test('filled in by hand, the counts are near the labels', async () => {
    const names = readdirSync(scans)
      .filter((name) => name.endsWith('.jpg'))
      .slice(0, 4);
    const visit = await Visit.to(browser, server, PATH);
    await visit.drop(...names.map((name) => ({ name, bytes: readFileSync(join(scans, name)) })));
    await visit.page.getByText(`${names.length} pages together`).waitFor({ timeout: 120_000 });
    let found = 0;
    let labelled = 0;
    for (const name of names) {
      const label = readFileSync(join(scans, name.replace('.jpg', '.json')), 'utf8');
      labelled += (JSON.parse(label) as { boxes: unknown[] }).boxes.length;
      await visit.page.getByRole('button', { name: new RegExp(name) }).click();
      found += (await visit.counts()).total;
    }
    // How good the network is, the model card says; here it is to be seen that the whole path works on real pages.
    assert.ok(Math.abs(found - labelled) <= 0.2 * labelled, `${found} found, ${labelled} labelled`);
    await visit.page.locator('.overlay').waitFor();
    await visit.photograph('scans');
    await visit.leave();
  });
});
