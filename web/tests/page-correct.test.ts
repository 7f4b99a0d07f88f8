/** The page in Chromium: looking, correcting, taking away, for everyone. With the module that does as it is told. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { strFromU8, unzipSync } from 'fflate';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { generated } from '../scripts/paths.mjs';
import type { ResultPage } from '../src/counter/report.ts';
import { launch } from './support/browser.ts';
import { counted, doubtful } from './support/counted.ts';
import { empty, filled, perfect } from './support/fixtures.ts';
import { type NamedBytes, Visit } from './support/page.ts';
import { type Server, serve } from './support/server.ts';

const PATH = '/page/';
const EMBED = '/embed/';
const all = perfect.total;

let browser: Browser;
let server: Server;
before(async () => {
  server = await serve({
    [PATH]: join(generated, 'stand-in/page'),
    [EMBED]: join(generated, 'stand-in/package'),
  });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await server.close();
});

/** A visit with these counted. */
async function visiting(files: NamedBytes[], options: BrowserContextOptions = {}): Promise<Visit> {
  const visit = await Visit.to(browser, server, PATH, options);
  await visit.page.locator('#readiness[data-ready]').waitFor();
  await visit.drop(...files);
  await visit.page.locator('.overlay').waitFor();
  return visit;
}

/** Where the middle of a detection is on the screen. */
async function middleOf(visit: Visit, index: number): Promise<{ x: number; y: number }> {
  const image = await visit.picture();
  const { bbox } = perfect.detections[index] ?? assert.fail();
  const scale = image.width / perfect.image.width;
  return { x: image.x + ((bbox.x1 + bbox.x2) / 2) * scale, y: image.y + ((bbox.y1 + bbox.y2) / 2) * scale };
}

suite('correcting', () => {
  test('a click flips a box, and undo and redo take it back and forth; the counts follow at once', async () => {
    const visit = await visiting([counted('form.png')]);
    const { page } = visit;
    const first = perfect.detections[0]?.class === 'filled_checkbox' ? -1 : 1;
    const { x, y } = await middleOf(visit, 0);
    await page.mouse.click(x, y);
    assert.deepEqual(await visit.counts(), { filled: filled + first, empty: empty - first, total: all });
    assert.equal(await visit.text('corrected'), '1 corrected by hand');
    assert.match(await visit.text('selection-words'), /^Box 1 of 25 · .*flipped by hand/);
    await visit.photograph('corrected');
    await page.getByRole('button', { name: 'Undo' }).click();
    assert.deepEqual(await visit.counts(), { filled, empty, total: all });
    assert.equal(await visit.text('corrected'), '');
    await page.keyboard.press('Control+y');
    assert.equal((await visit.counts()).filled, filled + first);
    await page.keyboard.press('Control+z');
    assert.equal((await visit.counts()).filled, filled);
    assert.ok(await page.getByRole('button', { name: 'Undo' }).isDisabled());
    await visit.leave();
  });

  test('everything goes with the keyboard alone', async () => {
    const visit = await visiting([counted('form.png')]);
    const { page } = visit;
    assert.equal(await visit.focused(), 'desk');
    await page.keyboard.press('b');
    await page.keyboard.press('b');
    assert.match(await visit.text('selection-words'), /^Box 2 of 25/);
    await page.keyboard.press('Delete');
    assert.equal((await visit.counts()).total, all - 1);
    await page.keyboard.press('d');
    await page.keyboard.press('Enter');
    assert.equal((await visit.counts()).total, all);
    const drawn = page.locator('.overlay .selected .box');
    const before = await drawn.boundingBox();
    for (let press = 0; press < 5; press++) await page.keyboard.press('ArrowRight');
    for (let press = 0; press < 5; press++) await page.keyboard.press('Shift+ArrowDown');
    const after = await drawn.boundingBox();
    assert.ok(before && after);
    assert.ok(Math.abs(after.x - before.x - 10) < 0.5, 'five steps of two pixels');
    assert.ok(Math.abs(after.height - before.height - 10) < 0.5, 'and as much higher');
    await page.keyboard.press('Control+z');
    assert.equal((await drawn.boundingBox())?.x, before.x, 'the whole way in one step');
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    assert.deepEqual(await visit.counts(), { filled, empty, total: all });
    await visit.leave();
  });

  test('a missed box is drawn with the mouse, by a frame or by a click', async () => {
    const visit = await visiting([counted('form.png')]);
    const { page } = visit;
    const image = await visit.picture();
    await page.getByRole('button', { name: 'Draw a missed box' }).click();
    const [x, y] = [image.x + image.width / 2, image.y + image.height - 60];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 30, y + 20, { steps: 3 });
    await page.mouse.up();
    assert.equal((await visit.counts()).total, all + 1);
    const box = (await page.locator('.overlay .selected .box').boundingBox()) ?? assert.fail();
    assert.ok(Math.abs(box.x + 2 - x) < 3 && Math.abs(box.width - 34) < 4, JSON.stringify(box));
    await page.mouse.click(x - 60, y);
    assert.equal((await visit.counts()).total, all + 2);
    await page.keyboard.press('Escape');
    await page.mouse.click(x - 60, y);
    assert.equal((await visit.counts()).filled, filled + 1, 'drawn filled, now flipped');
    assert.equal(await visit.text('corrected'), '2 corrected by hand');
    await visit.leave();
  });

  test('the threshold filters again without asking the network', async () => {
    const visit = await visiting([doubtful('form.png')]);
    assert.equal((await visit.counts()).total, all - 1, 'one is below 0.5');
    const before = await resultsOf(visit);
    const slider = visit.page.getByRole('slider');
    await slider.fill('0.2');
    await visit.page.locator('#total-count', { hasText: String(all) }).waitFor();
    await slider.fill('0.6');
    await visit.page.locator('#total-count', { hasText: String(all - 2) }).waitFor();
    assert.equal(await visit.text('threshold-value'), '60%');
    await visit.page.getByRole('button', { name: 'Reset' }).click();
    await visit.page.locator('#total-count', { hasText: String(all - 1) }).waitFor();
    // The stand-in says in `model` how many calls it has had.
    assert.equal((await resultsOf(visit))[0]?.result.model, before[0]?.result.model);
    await visit.leave();
  });

  test('uncertain boxes are marked, walked through, and confirmed', async () => {
    const visit = await visiting([doubtful('form.png')]);
    const { page } = visit;
    assert.equal(await page.locator('.overlay .uncertain').count(), 1);
    assert.equal(await visit.text('uncertain-words'), '1 box is uncertain');
    await page.keyboard.press('n');
    assert.match(await visit.text('selection-words'), /^Box 2 of 24 · .*55\.0% sure, uncertain/);
    await visit.photograph('uncertain');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('.overlay .uncertain').count(), 0);
    await page.getByRole('slider').fill('0.9');
    await page.locator('#total-count', { hasText: String(all - 1) }).waitFor();
    await visit.leave();
  });

  test('boxes are flipped and deleted in the table too, which keeps the focus', async () => {
    const visit = await visiting([counted('form.png')]);
    const { page } = visit;
    await page.getByRole('button', { name: 'Boxes', exact: true }).click();
    assert.equal(await page.locator('#tables tbody tr').count(), all);
    await page.getByRole('button', { name: 'Flip box 3' }).press('Enter');
    assert.equal(await visit.text('corrected'), '1 corrected by hand');
    const focused = await page.evaluate(() =>
      document.querySelector('checkbox-counter')?.shadowRoot?.activeElement?.getAttribute('aria-label'),
    );
    assert.equal(focused, 'Flip box 3');
    await page.getByRole('button', { name: 'Delete box 3' }).click();
    assert.equal(await page.locator('#tables tbody tr').count(), all - 1);
    await visit.photograph('boxes');
    await page.getByRole('button', { name: 'Show box 5 on' }).click();
    assert.match(await visit.text('selection-words'), /^Box 5 of 24/);
    await visit.leave();
  });

  test('zooms at the pointer with the wheel and moves by dragging', async () => {
    const visit = await visiting([counted('form.png')]);
    const { page } = visit;
    /** Where on the screen the middle of the picture's left and right is, at 0.4 of its height. */
    const place = async () => {
      const { x, y, width, height } = await visit.picture();
      return { x: x + width / 2, y: y + 0.4 * height };
    };
    // In the middle: while the picture is narrower than the desk, it stays there.
    const { x, y } = await place();
    await page.mouse.move(x, y);
    await page.keyboard.down('Control');
    for (let turn = 0; turn < 4; turn++) await page.mouse.wheel(0, -50);
    await page.keyboard.up('Control');
    await page.waitForFunction(() => {
      const words = document.querySelector('checkbox-counter')?.shadowRoot?.getElementById('zoom-fit')?.textContent;
      return Number.parseInt(words ?? '', 10) > 100;
    });
    // Turns of the wheel are gathered until the next frame.
    await page.waitForTimeout(200);
    const zoomed = await place();
    assert.ok(
      Math.hypot(zoomed.x - x, zoomed.y - y) < 12,
      `what was under the pointer stays there: ${JSON.stringify([x, y, zoomed])}`,
    );
    await page.mouse.down();
    await page.mouse.move(x - 80, y - 40, { steps: 4 });
    await page.mouse.up();
    const moved = await place();
    assert.ok(Math.abs(moved.x - zoomed.x + 80) < 4 && Math.abs(moved.y - zoomed.y + 40) < 4);
    assert.equal(await visit.text('corrected'), '', 'a drag is no click');
    await visit.leave();
  });

  test('zooms and moves with two fingers, and moves with one', async () => {
    const visit = await visiting([counted('form.png')], {
      viewport: { width: 820, height: 1100 },
      isMobile: true,
      hasTouch: true,
    });
    const { page } = visit;
    const session = await page.context().newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...fingers: { x: number; y: number }[]) =>
      session.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: fingers.map((finger, id) => ({ ...finger, id })),
      });
    const zoom = async () => Number.parseInt(await visit.text('zoom-fit'), 10);
    const before = await visit.picture();
    const fitted = await zoom();
    // Over a box, which a click would flip.
    const { x, y } = await middleOf(visit, 0);
    await touch('touchStart', { x: x - 20, y }, { x: x + 20, y });
    // Nobody's fingers part without wandering off a little.
    for (let step = 1; step <= 10; step++) {
      const [spread, drift] = [20 + 4 * step, 6 * step];
      await touch('touchMove', { x: x - spread, y: y + drift }, { x: x + spread, y: y + drift });
    }
    await touch('touchEnd');
    const after = await visit.picture();
    const factor = after.width / before.width;
    assert.ok(Math.abs(factor - 3) < 0.05, `three times as far apart: ${factor}`);
    assert.ok(Math.abs((await zoom()) - 3 * fitted) <= 2, `${fitted} %, then ${await zoom()} %`);
    const under = await middleOf(visit, 0);
    assert.ok(
      Math.hypot(under.x - x, under.y - y - 60) < 3,
      `what was between the fingers follows them: ${JSON.stringify([x, y, under])}`,
    );
    assert.equal(await visit.text('corrected'), '', 'a pinch is no tap');

    await touch('touchStart', { x: 400, y: 700 });
    for (let step = 1; step <= 12; step++) await touch('touchMove', { x: 400 - 5 * step, y: 700 });
    await touch('touchEnd');
    await page.waitForTimeout(300);
    const moved = await visit.picture();
    assert.ok(moved.x < after.x - 30, `${after.x}, then ${moved.x}`);
    assert.equal(moved.width, after.width);

    await page.touchscreen.tap(...(Object.values(await middleOf(visit, 0)) as [number, number]));
    assert.equal(await visit.text('corrected'), '1 corrected by hand', 'a tap after it is one');
    await visit.leave();
  });
});

const resultsOf = (visit: Visit) =>
  visit.page.evaluate(() => document.querySelector('checkbox-counter')?.results ?? []) as Promise<ResultPage[]>;

suite('taking away', () => {
  test('CSV, JSON and pictures, as corrected, under names that make sense', async () => {
    const visit = await visiting([counted('form.png')]);
    const { page } = visit;
    await page.keyboard.press('b');
    await page.keyboard.press('Delete');
    const save = (name: string) => visit.saved(() => page.getByRole('button', { name, exact: true }).click());
    const counts = await save('CSV of counts');
    assert.equal(counts.name, 'form-checkboxes.csv');
    assert.match(Buffer.from(counts.bytes).toString(), new RegExp(`\\r\\nform.png,1,\\d+,\\d+,${all - 1},1\\r\\n`));
    const boxes = await save('CSV of boxes');
    assert.equal(boxes.name, 'form-checkboxes-boxes.csv');
    assert.equal(Buffer.from(boxes.bytes).toString().trim().split('\r\n').length, all);
    const json = await save('JSON');
    assert.equal(json.name, 'form-checkboxes.json');
    const [saved] = JSON.parse(Buffer.from(json.bytes).toString()).pages as ResultPage[];
    assert.equal(saved?.result.total, all - 1);
    assert.deepEqual(saved?.corrections.removed, [perfect.detections[0]]);
    const picture = await save('PNG');
    assert.equal(picture.name, 'form-boxes.png');
    writeFileSync(join(generated, 'annotated.png'), picture.bytes);
    const png = Buffer.from(picture.bytes);
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [perfect.image.width, perfect.image.height]);
    await visit.leave();
  });

  test('all pages as a ZIP, in which names do not collide', async () => {
    const visit = await visiting([counted('a.png'), counted('a.png'), counted('b.png')]);
    await visit.page.getByText('3 pages together').waitFor();
    const zip = await visit.saved(() => visit.page.getByRole('button', { name: 'All as ZIP' }).click());
    assert.match(zip.name, /^checkboxes-\d{4}-\d\d-\d\d\.zip$/);
    const files = unzipSync(zip.bytes);
    assert.deepEqual(Object.keys(files).sort(), [
      'boxes.csv',
      'counts.csv',
      'pages/a-boxes-2.png',
      'pages/a-boxes.png',
      'pages/b-boxes.png',
      'result.json',
    ]);
    assert.equal(JSON.parse(strFromU8(files['result.json'] ?? assert.fail())).pages.length, 3);
    await visit.leave();
  });

  test('the table of counts to the clipboard', async () => {
    const options = { permissions: ['clipboard-read', 'clipboard-write'] };
    const visit = await visiting([counted('a.png'), counted('b.png')], options);
    await visit.page.getByText('2 pages together').waitFor();
    await visit.page.getByRole('button', { name: 'Copy table' }).click();
    await visit.page.getByText('The table is copied.').waitFor();
    const text = await visit.page.evaluate(() => navigator.clipboard.readText());
    assert.equal(text.split('\n')[2], `b.png\t1\t${filled}\t${empty}\t${all}\t0`);
    await visit.leave();
  });

  test('on paper: the counts, and each page with its boxes', async () => {
    const visit = await Visit.to(browser, server, PATH);
    await visit.drop(counted('a.png'), counted('b.png'));
    await visit.page.getByText('2 pages together').waitFor();
    await visit.page.getByRole('button', { name: 'Print' }).click();
    const paper = visit.page.frameLocator('.paper-frame');
    await paper.getByRole('heading', { name: 'Checkbox counter' }).waitFor();
    assert.equal(await paper.locator('tbody tr').count(), 3);
    await paper.locator('section img').nth(1).waitFor();
    assert.match(
      (await paper.locator('section h2').nth(1).textContent()) ?? '',
      new RegExp(`^b.png: ${filled} filled`),
    );
    await visit.leave();
  });
});

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Runs axe-core on the page as it is; it finds its way into the shadow tree. */
async function violations(visit: Visit): Promise<string[]> {
  await visit.page.evaluate(axe);
  return visit.page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: put there by the line above
    const { violations } = await (globalThis as any).axe.run(document, { resultTypes: ['violations'] });
    return violations.map(
      // biome-ignore lint/suspicious/noExplicitAny: axe's own types are not worth the way to them
      ({ id, nodes }: any) => `${id}: ${nodes.map((node: any) => `${node.target} ${node.failureSummary}`).join('; ')}`,
    );
  });
}

suite('for everyone', () => {
  for (const scheme of ['light', 'dark'] as const) {
    test(`axe-core finds nothing, ${scheme}`, async () => {
      const visit = await Visit.to(browser, server, PATH, { colorScheme: scheme });
      await visit.page.getByText('Ready.').waitFor();
      assert.deepEqual(await violations(visit), [], 'empty');
      await visit.drop(doubtful('a.png'), counted('b.png'), { name: 'notes.txt', bytes: Buffer.from('no picture') });
      await visit.page.getByText('2 of 3 counted').waitFor();
      await visit.page.locator('.overlay').waitFor();
      await visit.page.keyboard.press('n');
      assert.deepEqual(await violations(visit), [], 'result');
      await visit.page.getByRole('button', { name: 'Boxes', exact: true }).click();
      assert.deepEqual(await violations(visit), [], 'boxes');
      await visit.page.getByRole('button', { name: 'All pages' }).click();
      assert.deepEqual(await violations(visit), [], 'pages');
      await visit.photograph(`pages-${scheme}`);
      await visit.page.getByRole('button', { name: /notes\.txt/ }).click();
      assert.deepEqual(await violations(visit), [], 'failure');
      await visit.page
        .getByRole('button', { name: /a\.png/ })
        .first()
        .click();
      await visit.page.getByRole('button', { name: 'Keys' }).click();
      assert.deepEqual(await violations(visit), [], 'keys');
      await visit.photograph(`keys-${scheme}`);
      await visit.leave();
    });
  }

  test('speaks German to those who read it', async () => {
    const visit = await Visit.to(browser, server, PATH, { locale: 'de-AT' });
    await visit.page.getByText('Bereit.').waitFor();
    assert.equal(await visit.page.title(), 'Kästchenzähler');
    assert.equal(await visit.page.locator('html').getAttribute('lang'), 'de');
    await visit.photograph('german-empty');
    await visit.drop(doubtful('formular.png'), counted('zwei.png'));
    await visit.page.getByText('2 Seiten zusammen').waitFor();
    await visit.page.locator('.overlay').waitFor();
    await visit.page.keyboard.press('n');
    await visit.photograph('german');
    await visit.leave();
  });

  test('works from right to left and in 360 pixels, with boxes where they belong', async () => {
    for (const width of [1280, 360]) {
      const visit = await Visit.to(browser, server, PATH, { viewport: { width, height: 740 } });
      await visit.page.evaluate(() => {
        document.documentElement.dir = 'rtl';
      });
      await visit.drop(counted('form.png'), counted('two.png'));
      await visit.page.getByText('2 pages together').waitFor();
      await visit.page.locator('.overlay').waitFor();
      const { x } = await middleOf(visit, 0);
      const box = (await visit.page.locator('.overlay .box').first().boundingBox()) ?? assert.fail();
      assert.ok(Math.abs(box.x + box.width / 2 - x) < 1);
      const excess = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(excess <= 0, `${excess} pixels too wide`);
      await visit.photograph(`rtl-${width}`);
      await visit.leave();
    }
  });

  test('moves nothing for those who asked for that', async () => {
    const visit = await Visit.to(browser, server, PATH, { reducedMotion: 'reduce' });
    const durations = await visit.page.evaluate(() => {
      const root = document.querySelector('checkbox-counter')?.shadowRoot;
      return [...(root?.querySelectorAll('*') ?? [])]
        .map((element) => getComputedStyle(element))
        .filter((style) => style.animationName !== 'none' || Number.parseFloat(style.transitionDuration) > 0).length;
    });
    assert.equal(durations, 0);
    await visit.leave();
  });
});

suite('embedded', () => {
  const embed = (
    attributes: string,
  ) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Somebody's page</title>
    <link rel="icon" href="data:,"><style>button { background: red } main { max-width: 900px; margin: 40px auto; font: 18px serif }</style>
    <main><h1>Somebody's page</h1><p>Count your forms here:</p><checkbox-counter ${attributes}></checkbox-counter></main>
    <script type="module" src="counter.js"></script>`;

  test('all of it, in a part of the page, with events and results', async () => {
    writeFileSync(join(generated, 'stand-in/package/whole.html'), embed(''));
    const visit = await Visit.to(browser, server, `${EMBED}whole.html`, { viewport: { width: 1000, height: 950 } });
    const { page } = visit;
    await page.getByText('Ready.').waitFor();
    await page.evaluate(() => {
      const told: string[] = [];
      Object.assign(globalThis, { told });
      for (const type of ['counted', 'corrected']) {
        document.addEventListener(type, (event) => {
          told.push(`${type} ${(event as CustomEvent<ResultPage>).detail.result.total}`);
        });
      }
    });
    await page.setInputFiles('#file', [
      { name: 'form.png', mimeType: '', buffer: Buffer.from(counted('form.png').bytes) },
    ]);
    assert.equal((await visit.counts()).total, all);
    await page.locator('.overlay').waitFor();
    await page.locator('#desk').focus();
    await page.keyboard.press('b');
    await page.keyboard.press('Delete');
    const told = await page.evaluate(() => (globalThis as unknown as { told: string[] }).told);
    assert.deepEqual(told, [`counted ${all}`, `corrected ${all - 1}`]);
    assert.equal((await resultsOf(visit))[0]?.result.total, all - 1);
    assert.equal(
      await page.locator('#clear').evaluate((button) => getComputedStyle(button).backgroundColor),
      'rgb(255, 255, 255)',
      'the page around has no say in its colours',
    );
    await visit.photograph('embedded');
    assert.deepEqual(await violations(visit), []);
    await page.evaluate(() => document.querySelector('checkbox-counter')?.remove());
    await visit.leave();
  });

  test('just drop and count', async () => {
    writeFileSync(join(generated, 'stand-in/package/simple.html'), embed('simple lang="de"'));
    const visit = await Visit.to(browser, server, `${EMBED}simple.html`, { viewport: { width: 1000, height: 950 } });
    await visit.page.getByText('Bereit.').waitFor();
    const files = [counted('eins.png'), counted('zwei.png')];
    await visit.page.setInputFiles(
      '#file',
      files.map(({ name, bytes }) => ({ name, mimeType: '', buffer: Buffer.from(bytes) })),
    );
    await visit.page.getByText('2 Seiten zusammen').waitFor();
    assert.ok(await visit.page.locator('#viewer').isHidden());
    assert.ok(await visit.page.locator('#choose').isVisible());
    assert.match(await visit.text('sum-figures'), new RegExp(`${2 * filled} angekreuzt`));
    await visit.photograph('simple');
    assert.deepEqual(await violations(visit), []);
    await visit.leave();
  });
});

test('a folder is searched, in the order in which people count', async () => {
  const folder = join(generated, 'folder');
  mkdirSync(join(folder, 'inside'), { recursive: true });
  for (const name of ['page-10.png', 'page-2.png', '.hidden.png']) {
    writeFileSync(join(folder, 'inside', name), counted(name).bytes);
  }
  const visit = await Visit.to(browser, server, PATH);
  await visit.page.setInputFiles('#folder', join(generated, 'folder'));
  await visit.page.getByText('2 pages together').waitFor();
  const names = await visit.page.locator('.row-file').allInnerTexts();
  assert.deepEqual(names, ['page-2.png', 'page-10.png']);
  await visit.leave();
});
