/** A tab of either browser, as far as tests of both need it: Chromium by playwright-core, Firefox by puppeteer-core. */
import { launch } from './browser.ts';
import { launchFirefox } from './firefox.ts';

export interface Tab {
  go(url: string): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever can be sent to a browser
  run<Arg, Value>(code: (arg: Arg) => Value | Promise<Value>, arg: Arg & any): Promise<Value>;
  /** Gives a file to the page's one file field. */
  pick(path: string): Promise<void>;
  /** Waits for these words in the page. */
  words(words: string): Promise<void>;
  /** Ends the browser. */
  close(): Promise<void>;
}

const TIMEOUT = 60_000;

async function chromium(): Promise<Tab> {
  const browser = await launch();
  const page = await browser.newPage();
  return {
    async go(url) {
      await page.goto(url);
    },
    run: (code, arg) => page.evaluate(code as never, arg) as never,
    pick: (path) => page.setInputFiles('input[type=file]', path),
    words: (words) => page.getByText(words).waitFor({ timeout: TIMEOUT }),
    close: () => browser.close(),
  };
}

async function firefox(): Promise<Tab> {
  const browser = await launchFirefox();
  const page = await browser.newPage();
  return {
    async go(url) {
      await page.goto(url, { timeout: TIMEOUT });
    },
    run: (code, arg) => page.evaluate(code as never, arg) as never,
    async pick(path) {
      const field = await page.waitForSelector('input[type=file]');
      await (field as Awaited<ReturnType<typeof page.$<'input'>>>)?.uploadFile(path);
    },
    async words(words) {
      const there = (words: string) => (document.body.textContent ?? '').includes(words);
      await page.waitForFunction(there, { timeout: TIMEOUT }, words);
    },
    close: () => browser.close(),
  };
}

export const browsers: [name: string, open: () => Promise<Tab>][] = [
  ['Chromium', chromium],
  ['Firefox', firefox],
];
