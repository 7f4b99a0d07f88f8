/** Firefox, as Debian installs it, driven by puppeteer-core. */
import { accessSync } from 'node:fs';
import type { Browser, LaunchOptions } from 'puppeteer-core';

/**
 * Debian's Firefox, through WebDriver BiDi; `FIREFOX` names another. puppeteer-core, because playwright-core's BiDi asks for
 * commands that the ESR does not have, and selenium-webdriver needs geckodriver, which Debian does not package.
 */
export async function launchFirefox(options: LaunchOptions = {}): Promise<Browser> {
  const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
  accessSync(executablePath);
  const { launch } = await import('puppeteer-core');
  return launch({ browser: 'firefox', executablePath, headless: true, ...options });
}
