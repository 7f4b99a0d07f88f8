/** The page over time: without a network, through an update, shared to, installed, and what of it is transferred. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { generated, pageFolder } from '../scripts/paths.mjs';
import { launch } from './support/browser.ts';
import { counted } from './support/counted.ts';
import { perfect } from './support/fixtures.ts';
import { Visit } from './support/page.ts';
import { type Server, serve } from './support/server.ts';

const PATH = '/somewhere/';
const folder = join(generated, 'served');

let browser: Browser;
let server: Server;
before(async () => {
  cpSync(join(generated, 'stand-in/page'), folder, { recursive: true });
  server = await serve({ [PATH]: folder });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await server.close();
});

/** A visit whose service worker has all of the page. */
async function installed(): Promise<Visit> {
  const visit = await Visit.to(browser, server, PATH, { serviceWorkers: 'allow' });
  await visit.page.waitForFunction(() => navigator.serviceWorker.controller !== null, undefined, { timeout: 60_000 });
  return visit;
}

suite('over time', () => {
  test('works without a network after the first visit', async () => {
    const visit = await installed();
    const { page } = visit;
    await page.context().setOffline(true);
    server.requests.length = 0;
    await page.reload();
    await page.getByText('Ready.').waitFor();
    await visit.drop(counted('form.png'));
    assert.equal((await visit.counts()).total, perfect.total);
    assert.ok(await page.evaluate(async () => (await fetch('pdf/pdf-worker.js')).ok), 'with what PDF files need');
    // Whether there is a newer version the browser asks by itself, past the switch that takes the page off the network.
    assert.deepEqual(
      server.requests.filter((path) => path !== `${PATH}service-worker.js`),
      [],
    );
    await visit.leave();
  });

  test('transfers the module once, not once for the page and once for later', async () => {
    server.requests.length = 0;
    const visit = await installed();
    const fetched = server.requests.filter((path) => path === `${PATH}checkbox_detector.wasm`);
    assert.equal(fetched.length, 1);
    await visit.leave();
  });

  test('takes files that another program shares', async () => {
    const visit = await installed();
    const { page } = visit;
    const { bytes } = counted('shared.png');
    // As another program does it, but for the redirection to the page, which follows.
    await page.evaluate(async (base64) => {
      const form = new FormData();
      const content = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      form.append('files', new File([content], 'shared.png', { type: 'image/png' }));
      await fetch('share', { method: 'POST', body: form, redirect: 'manual' });
    }, Buffer.from(bytes).toString('base64'));
    await page.goto(`${server.origin}${PATH}?shared`);
    assert.equal((await visit.counts()).total, perfect.total);
    assert.equal(await visit.text('name'), 'shared.png');
    assert.equal(page.url(), server.origin + PATH);
    await visit.leave();
  });

  test('changes to a new version as a whole, and asks when there is work on the page', async () => {
    const visit = await installed();
    const { page } = visit;
    await visit.drop(counted('form.png'));
    await visit.counts();
    publish();
    await page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.update());
    const offer = page.getByText('A newer version of this page is there.');
    await offer.waitFor({ timeout: 60_000 });
    assert.equal((await visit.counts()).total, perfect.total, 'nothing is lost');
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByText('Somebody else').waitFor({ timeout: 60_000 });
    const caches_ = await page.evaluate(async () => (await caches.keys()).length);
    assert.equal(caches_, 1, 'the old version is gone');
    await visit.leave();
  });
});

/** Puts another version in the place of the page. */
function publish(): void {
  rmSync(folder, { recursive: true });
  renameSync(join(generated, 'stand-in/next-page'), folder);
}

/** What the shipped page may cost, in bytes of gzip: its own code, the module, and what comes with the first PDF. */
const MOST = { page: 50_000, module: 3_300_000, pdf: 600_000, offline: 4_900_000 };

test('what the page transfers is held', () => {
  const packed = (...names: string[]) =>
    names.reduce((sum, name) => sum + gzipSync(readFileSync(join(pageFolder, name)), { level: 9 }).length, 0);
  const files = readdirSync(pageFolder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(pageFolder, name)).isFile(),
  );
  const sizes = {
    page: packed('index.html', 'style.css', 'main.js', 'compile-worker.js', 'worker.js', 'icon.svg'),
    module: packed('checkbox_detector.wasm'),
    pdf: packed('pdf/pdf-worker.js'),
    // All that is kept for later; tables for Asian text and licences are not.
    offline: packed(...files.filter((name) => !/cmaps|LICENSE/.test(name))),
  };
  console.log(`bytes of the page with gzip: ${JSON.stringify(sizes)}`);
  for (const what of ['page', 'module', 'pdf', 'offline'] as const) {
    assert.ok(sizes[what] <= MOST[what], `${what} has ${sizes[what]} bytes, and may have ${MOST[what]}`);
  }
});

test('can be installed, and is in the list of where to share to', () => {
  const manifest = JSON.parse(readFileSync(join(pageFolder, 'manifest.webmanifest'), 'utf8'));
  for (const { src } of manifest.icons) assert.ok(statSync(join(pageFolder, src)).size > 0, src);
  assert.equal(manifest.share_target.params.files[0].name, 'files');
});
