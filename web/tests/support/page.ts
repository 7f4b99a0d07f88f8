/** Handling the page in Chromium as a person does. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { screenshots } from '../../scripts/paths.mjs';
import type { Server } from './server.ts';

export interface NamedBytes {
  name: string;
  bytes: Uint8Array;
}

export class Visit {
  readonly page: Page;
  /** Addresses asked for that are not the server's, and complaints of the page. Both are to stay empty. */
  readonly strays: string[] = [];

  private constructor(page: Page, origin: string) {
    this.page = page;
    page.context().on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith(`blob:${origin}/`)) this.strays.push(url);
    });
    // The driver takes file dialogs over while somebody listens. Listening from the start, it does so before the first key is
    // pressed; begun with the press, it may come too late, and the dialog that opened then stands in the way of the next.
    page.on('filechooser', () => {});
    page.on('pageerror', (error) => this.strays.push(`page error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      // Said by the driver itself, wherever a test does without the service worker.
      if (!message.text().includes('blocked by Playwright')) this.strays.push(`console: ${message.text()}`);
    });
  }

  static async to(browser: Browser, server: Server, path: string, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      serviceWorkers: 'block',
      ...options,
    });
    const visit = new Visit(await context.newPage(), server.origin);
    await visit.page.goto(server.origin + path);
    return visit;
  }

  async pick(...files: NamedBytes[]): Promise<void> {
    const payload = files.map(({ name, bytes }) => ({ name, mimeType: '', buffer: Buffer.from(bytes) }));
    await this.page.setInputFiles('#file', payload);
  }

  async drop(...files: NamedBytes[]): Promise<void> {
    await this.#transfer('drop', files);
  }

  async pickFolder(path: string): Promise<void> {
    await this.page.setInputFiles('#folder', path);
  }

  /** Drags a real file or folder from outside the browser into the middle of the window. */
  async dropPath(path: string): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page);
    const { width, height } = this.page.viewportSize() ?? assert.fail();
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await session.send('Input.dispatchDragEvent', { type, x: width / 2, y: height / 2, data });
    }
  }

  async paste(...files: NamedBytes[]): Promise<void> {
    await this.#transfer('paste', files);
  }

  /** Dispatches the event with real files in it, at the element in the middle of the window. */
  async #transfer(type: 'drop' | 'paste', files: NamedBytes[]): Promise<void> {
    const payload = files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString('base64') }));
    await this.page.evaluate(
      ([type, files]) => {
        const transfer = new DataTransfer();
        for (const { name, base64 } of files) {
          transfer.items.add(new File([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], name));
        }
        const target = document.elementFromPoint(innerWidth / 2, innerHeight / 2) ?? document.body;
        const options = { bubbles: true, cancelable: true };
        if (type === 'paste') {
          target.dispatchEvent(new ClipboardEvent('paste', { ...options, clipboardData: transfer }));
        } else {
          for (const type of ['dragenter', 'dragover', 'drop']) {
            target.dispatchEvent(new DragEvent(type, { ...options, dataTransfer: transfer }));
          }
        }
      },
      [type, payload] as const,
    );
  }

  async text(id: string): Promise<string> {
    return (await this.page.locator(`#${id}`).textContent()) ?? '';
  }

  /**
   * Where on the screen the picture is, once it has come to rest: it is fitted in again in the frame after what lies beside it
   * has grown, and a sharper one may take its place at any moment.
   */
  async picture(): Promise<{ x: number; y: number; width: number; height: number }> {
    let before: string | undefined;
    for (let tries = 0; tries < 50; tries++) {
      const box = await this.page.locator('#stage img').boundingBox();
      const now = JSON.stringify(box);
      if (box && now === before) return box;
      before = now;
      await this.#frames(3);
    }
    throw new Error('no picture comes to rest');
  }

  /** Waits for so many frames to be drawn. */
  async #frames(count: number): Promise<void> {
    await this.page.evaluate(async (count) => {
      for (let frame = 0; frame < count; frame++) await new Promise(requestAnimationFrame);
    }, count);
  }

  /** Waits for the counts of the picture that is shown. */
  async counts(): Promise<{ filled: number; empty: number; total: number }> {
    await this.page.locator('#total-count', { hasText: /^\d+$/ }).waitFor({ timeout: 60_000 });
    const [filled, empty, total] = await Promise.all(
      ['filled-count', 'empty-count', 'total-count'].map(async (id) => Number(await this.text(id))),
    );
    return { filled: filled ?? -1, empty: empty ?? -1, total: total ?? -1 };
  }

  /** The id of the element that has the focus, in the component or around it. */
  focused(): Promise<string | undefined> {
    return this.page.evaluate(() => {
      const outer = document.activeElement;
      return (outer?.shadowRoot?.activeElement ?? outer)?.id;
    });
  }

  /** What the browser saves when this is done, as name and bytes. */
  async saved(act: () => Promise<void>): Promise<NamedBytes> {
    const [download] = await Promise.all([this.page.waitForEvent('download'), act()]);
    return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
  }

  /** Into web/screenshots, to be looked at. */
  async photograph(name: string): Promise<void> {
    mkdirSync(screenshots, { recursive: true });
    await this.page.screenshot({ path: join(screenshots, `${name}.png`) });
  }

  /** Leaves, having made sure that the page asked for nothing elsewhere and complained of nothing. */
  async leave(): Promise<void> {
    await this.page.context().close();
    assert.deepEqual(this.strays, []);
  }
}
