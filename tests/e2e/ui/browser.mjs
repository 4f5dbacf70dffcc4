// The browser: Debian's Chromium, and pages that remember everything that must not happen.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const kRoot = fileURLToPath(new URL('../../../', import.meta.url));
const require = createRequire(join(kRoot, 'ui/package.json'));
const { chromium } = require('playwright-core');
const kScreenshots = process.env.BARO_SCREENSHOTS ?? join(kRoot, 'build/screenshots');
/// Only a broken page takes so long, however busy the machine is.
const kPatienceMs = 90_000;
const kAxe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');

export async function launchBrowser() {
  await mkdir(kScreenshots, { recursive: true });
  return chromium.launch({
    executablePath: process.env.BARO_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', // CI runs as root in a container, where Chromium's sandbox cannot start
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
    ],
  });
}

/// A page in a profile of its own. `page.problems` collects console errors, exceptions and requests that left `base`.
export async function openPage(browser, base, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1360, height: 860 },
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(kPatienceMs);
  page.problems = [];
  page.expected = [];
  const note = (text) => {
    if (!page.expected.some((pattern) => pattern.test(text))) page.problems.push(text);
  };
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) note(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => note(`exception: ${error.stack}`));
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(base)) note(`left: ${request.url()}`);
  });
  page.go = (path) => page.goto(base + path);
  return page;
}

export async function closePage(page) {
  const { problems } = page;
  await page.context().close();
  assert.deepEqual(problems, []);
}

export const screenshot = (page, name) => page.screenshot({ path: join(kScreenshots, `${name}.png`) });

/// What axe-core finds against WCAG 2.2 AA, a line each.
export async function violations(page) {
  // Through the debugger, which the page's Content-Security-Policy does not bind.
  await page.evaluate(kAxe);
  return page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations: found } = await globalThis.axe.run({ runOnly: tags });
    return found.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`,
    );
  });
}

/// The number of pixels of the canvas that are neither transparent nor grey: lines that were really drawn.
export const colouredPixels = (canvas) =>
  canvas.evaluate((element) => {
    const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      const spread = Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]);
      if (data[i + 3] > 100 && spread > 60) count += 1;
    }
    return count;
  });

/// How many pixels of the canvas' last two columns are painted: text that goes on behind them is cut.
export const inkAtRightEdge = (canvas) =>
  canvas.evaluate((element) => {
    const { data } = element.getContext('2d').getImageData(element.width - 2, 0, 2, element.height);
    return data.filter((value, i) => i % 4 === 3 && value > 0).length;
  });

/// Waits until `probe` returns something true; fails with `what` and the last value.
export async function eventually(probe, what, timeoutMs = kPatienceMs) {
  const deadline = Date.now() + timeoutMs;
  let last;
  do {
    last = await probe();
    if (last) return last;
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (Date.now() < deadline);
  assert.fail(`${what}: did not happen in ${timeoutMs} ms; last: ${JSON.stringify(last)}`);
}
