/** The page as it is shipped, in Firefox: its main paths. Everything else about it is tested in Chromium. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'puppeteer-core';
import { generated, pageFolder, screenshots } from '../scripts/paths.mjs';
import type { ResultPage } from '../src/counter/report.ts';
import { launchFirefox } from './support/firefox.ts';
import { empty, filled } from './support/fixtures.ts';
import { type Server, serve } from './support/server.ts';

const PATH = '/any/path/';
const TIMEOUT = 60_000;

let browser: Browser;
let page: Page;
let server: Server;
let proxy: Proxy;
let downloads: string;
/** Addresses asked for that are not the server's, and complaints of the page. */
const strays: string[] = [];

before(async () => {
  server = await serve({ [PATH]: pageFolder });
  proxy = await recordingProxy();
  downloads = mkdtempSync(join(generated, 'downloads-'));
  browser = await launchFirefox({
    extraPrefsFirefox: {
      'browser.download.folderList': 2,
      'browser.download.dir': downloads,
      // Whatever goes to another machine goes by the proxy, from workers too; Firefox leaves this machine out by itself.
      'network.proxy.type': 1,
      'network.proxy.http': '127.0.0.1',
      'network.proxy.http_port': proxy.port,
      'network.proxy.ssl': '127.0.0.1',
      'network.proxy.ssl_port': proxy.port,
    },
  });
  page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT);
  await page.setViewport({ width: 1280, height: 800 });
  page.on('request', (request) => {
    const origin = new URL(request.url().replace(/^blob:/, '')).origin;
    if (origin !== server.origin) strays.push(request.url());
  });
  page.on('pageerror', (error) => strays.push(`page error: ${(error as Error).message}`));
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) strays.push(`console: ${message.text()}`);
  });
  await page.goto(server.origin + PATH);
});
after(async () => {
  await browser?.close();
  await server?.close();
  await proxy?.close();
  rmSync(downloads, { recursive: true, force: true });
});

/** Of the page's component, its shadow tree searched. */
const click = (selector: string) => page.locator(`checkbox-counter >>> ${selector}`).click();
const text = (id: string) => page.$eval(`checkbox-counter >>> #${id}`, (element) => element.textContent ?? '');
/** Waits for an element there. By looking again and again: what puppeteer looks at, a shadow tree's changes are no part of. */
const there = (selector: string) =>
  page.waitForFunction(
    (selector) => document.querySelector('checkbox-counter')?.shadowRoot?.querySelector(selector),
    { polling: 50 },
    selector,
  );
const results = () =>
  page.evaluate(() => document.querySelector('checkbox-counter')?.results ?? []) as Promise<ResultPage[]>;

/** Waits until that many pages are counted. */
async function counted(pages: number): Promise<ResultPage[]> {
  const enough = (pages: number) => document.querySelector('checkbox-counter')?.results.length === pages;
  await page.waitForFunction(enough, { polling: 50 }, pages);
  return results();
}

/** Waits until there is a whole file in the folder of downloads, and takes it. */
async function downloaded(): Promise<{ name: string; content: string }> {
  const end = Date.now() + TIMEOUT;
  while (Date.now() < end) {
    const names = readdirSync(downloads);
    // While Firefox writes, there is a file of the same name that is empty, and another that ends so.
    const [name] = names.filter((name) => !name.endsWith('.part'));
    const content = name && names.length === 1 ? readFileSync(join(downloads, name), 'utf8') : '';
    if (name && content) {
      rmSync(join(downloads, name));
      return { name, content };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return assert.fail('nothing was saved');
}

suite('the page in Firefox', { timeout: 2 * TIMEOUT }, () => {
  test('counts the sample form, and lays the boxes over it', async () => {
    await there('#readiness[data-ready]');
    await click('[data-sample="form.png"]');
    const [form] = await counted(1);
    assert.deepEqual(form?.result.counts, { filled_checkbox: filled, empty_checkbox: empty });
    await there('.overlay');
    const drawn = await page.$$eval('checkbox-counter >>> .overlay .filled .box', (boxes) => boxes.length);
    assert.equal(drawn, filled);
    mkdirSync(screenshots, { recursive: true });
    await page.screenshot({ path: join(screenshots, 'firefox.png') });
  });

  test('corrects a box by key, and takes it back', async () => {
    const [before] = await results();
    await page.focus('checkbox-counter >>> #desk');
    await page.keyboard.press('b');
    await page.keyboard.press(' ');
    assert.equal(await text('corrected'), '1 corrected by hand');
    assert.deepEqual((await results())[0]?.corrections.flipped, [0]);
    await page.keyboard.down('Control');
    await page.keyboard.press('z');
    await page.keyboard.up('Control');
    assert.deepEqual(await results(), [before]);
    await page.keyboard.press('Delete');
    assert.equal((await results())[0]?.result.total, filled + empty - 1);
  });

  test('saves the counts as CSV, as corrected', async () => {
    await click('#csv-counts');
    const { name, content } = await downloaded();
    assert.equal(name, 'form-checkboxes.csv');
    const [form] = await results();
    const { filled_checkbox, empty_checkbox } = form?.result.counts ?? assert.fail();
    const row = ['form.png', 1, filled_checkbox, empty_checkbox, filled + empty - 1, 1].join(',');
    assert.equal(content, `\uFEFFfile,page,filled,empty,total,corrected\r\n${row}\r\n`);
  });

  test('counts every page of a PDF, with the words beside its boxes', async () => {
    await click('#clear');
    await click('[data-sample="fillable.pdf"]');
    const pages = await counted(2);
    assert.deepEqual(
      pages.map(({ page, result }) => [page, result.total]),
      [
        [1, 13],
        [2, 6],
      ],
    );
    const ticked = pages.flatMap(({ result, labels }) =>
      result.detections.flatMap((box, index) => (box.class === 'filled_checkbox' ? [labels?.[index]] : [])),
    );
    assert.deepEqual(ticked, ['Family', 'Excursions', 'Lectures', 'Driving', 'Store my address', 'By direct debit']);
  });

  test('asks for nothing elsewhere, may not even, and complains of nothing', async () => {
    assert.deepEqual(strays, []);
    assert.deepEqual(proxy.asked(), []);
    const refused = () =>
      fetch('https://elsewhere.invalid/').then(
        () => 'answered',
        () => 'refused',
      );
    assert.equal(await page.evaluate(refused), 'refused');
    assert.deepEqual(proxy.asked(), [], "the page's policy stops it before it leaves");
    // The proxy would have seen it: as from a page without that policy.
    const other = await browser.newPage();
    await other.goto('http://elsewhere.invalid/').catch(() => undefined);
    await other.close();
    assert.deepEqual(proxy.asked(), ['elsewhere.invalid']);
  });
});

/** Firefox itself now and then asks its makers for settings, whatever page is open. */
const MAKERS = /(^|\.)(mozilla\.(com|net|org)|firefox\.com)$/;

interface Proxy {
  port: number;
  /** Other machines that pages wanted something of, each once. */
  asked(): string[];
  close(): Promise<void>;
}

/** A proxy that connects nobody and notes who was asked for. */
async function recordingProxy(): Promise<Proxy> {
  const asked = new Set<string>();
  const proxy: HttpServer = createServer((request, response) => {
    asked.add(new URL(request.url ?? '').hostname);
    response.writeHead(403).end();
  });
  proxy.on('connect', (request, socket) => {
    asked.add((request.url ?? '').replace(/:\d+$/, ''));
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    asked: () => [...asked].filter((name) => !MAKERS.test(name)),
    close: () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      }),
  };
}
