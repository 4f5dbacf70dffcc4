// The pages of the interface in a real browser: what they show, what links do, and that everyone can use them.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  closePage,
  colouredPixels,
  eventually,
  inkAtRightEdge,
  launchBrowser,
  openPage,
  screenshot,
  violations,
} from './browser.mjs';
import { startServer } from './server.mjs';

const kDark = { colorScheme: 'dark' };

let server;
let browser;
let page;

before(async () => {
  server = await startServer();
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = async (path, options) => {
  page = await openPage(browser, server.base, options);
  await page.go(path);
};

afterEach(async () => {
  if (page) await closePage(page);
  page = undefined;
});

const explore = (query, more = '') => `/explore?q=${encodeURIComponent(query)}${more}`;
const theGraph = () => page.locator('main canvas').first();
// Eight: a server of this test has seconds of data, a point of which is four pixels wide.
const drawn = (canvas) => eventually(async () => (await colouredPixels(canvas)) >= 8, 'coloured lines in the graph');
const openEditor = async () => {
  await open('/explore');
  const editor = page.locator('.cm-content');
  await editor.click(); // the empty page loads it by itself
  return editor;
};
const searchOf = () => new URL(page.url()).searchParams;

describe('overview', () => {
  test('shows CPU, memory, disk and network of this machine, and they move', async () => {
    await open('/');
    assert.equal(await page.title(), 'Overview · Barograph');
    for (const title of ['CPU by mode', 'Memory', 'Disk throughput', 'Network throughput']) {
      await drawn(page.getByRole('region', { name: title }).locator('canvas'));
    }
    const memory = page.getByRole('region', { name: 'Memory' });
    assert.match(await memory.getByRole('listitem').first().textContent(), /used\s+\d[\d.]* [KMGT]iB/);
    const asked = page.waitForResponse((response) => response.url().includes('/api/v1/query_range'));
    assert.equal((await asked).status(), 200); // by itself, without a click
  });

  test('leads to the queries of a graph', async () => {
    await open('/');
    await page.getByRole('link', { name: 'Explore CPU by mode' }).click();
    await page.waitForURL(/\/explore\?/);
    assert.match(searchOf().get('q'), /node_cpu_seconds_total/);
    await drawn(theGraph());
  });

  test('is dark where the system is', async () => {
    await open('/', kDark);
    await drawn(page.getByRole('region', { name: 'CPU by mode' }).locator('canvas'));
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  });
});

describe('explore', () => {
  test('draws a query, with a legend that says shared labels once', async () => {
    await open(explore('rate(node_cpu_seconds_total{mode=~"user|system|idle"}[30s])', '&range=5m'));
    await drawn(theGraph());
    await page
      .getByText(/^All series:/)
      .filter({ hasText: 'job=node' })
      .waitFor();
    const rows = page.getByRole('region', { name: 'Series' }).locator('tbody tr');
    assert.ok((await rows.count()) >= 3);
    assert.doesNotMatch(await rows.first().textContent(), /job=/);
    await page
      .getByRole('status')
      .filter({ hasText: /\d+ series.*step .*\d+ ms/s })
      .waitFor();
    await screenshot(page, 'explore-graph-light');
  });

  test('runs what was typed before the editor is there, and Enter is enough', async () => {
    page = await openPage(browser, server.base);
    await page.route(/\/editor-[^/]*\.js$/, () => {}); // a slow line: the editor never arrives
    await page.go('/explore');
    const field = page.getByRole('textbox', { name: 'Query A' });
    await field.fill('up');
    await field.press('Enter');
    await page.waitForURL(/q=up/);
    await drawn(theGraph());
  });

  test('completes metric names, functions and label values, and colours the text', async () => {
    const editor = await openEditor();
    await editor.pressSequentially('rate(node_cpu_s');
    const options = page.getByRole('option');
    await options.filter({ hasText: 'node_cpu_seconds_total' }).first().waitFor();
    await screenshot(page, 'explore-completion-light');
    await page.keyboard.press('Enter');
    await editor.pressSequentially('{mode="');
    await options.filter({ hasText: 'iowait' }).first().waitFor();
    await page.keyboard.press('Escape');
    await editor.pressSequentially('idle"}[1m])');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/node_cpu_seconds_total/);
    assert.match(searchOf().get('q'), /^rate\(node_cpu_seconds_total\{mode="idle"\}\[1m\]\)$/);
    await drawn(theGraph());
    const colours = await page
      .locator('.cm-line span')
      .evaluateAll((all) => all.map((one) => getComputedStyle(one).color));
    assert.ok(new Set(colours).size >= 3, `the editor's styles passed the nonce: ${colours}`);
  });

  test('underlines what cannot be parsed', async () => {
    const editor = await openEditor();
    await editor.pressSequentially('rate(up) +');
    await page.locator('.cm-lintRange-error, .cm-lintPoint-error').first().waitFor();
  });

  test('shows a table of the values at one instant', async () => {
    await open(explore('up', '&tab=table'));
    const rows = page.locator('main').getByText(/instance=/);
    await rows.first().waitFor();
    await page
      .getByRole('status')
      .filter({ hasText: /\d+ series.*at \d{4}-\d\d-\d\d/s })
      .waitFor();
    assert.equal(await page.getByRole('tab', { name: 'Table' }).getAttribute('aria-selected'), 'true');
    await screenshot(page, 'explore-table-light');
  });

  test('shows scalars and strings in the table, and says so when nothing matches', async () => {
    for (const [query, want] of [
      ['1 + 1', /(^|\s)2(\s|$)/],
      ['"a text"', /a text/],
      ['no_such_metric_at_all', /The result is empty/],
    ]) {
      await open(explore(query, '&tab=table'));
      await page.getByRole('tabpanel').getByText(want).first().waitFor();
      await closePage(page);
      page = undefined;
    }
  });

  test('says what is wrong with a query and where', async () => {
    page = await openPage(browser, server.base);
    page.expected = [/status of 400/]; // the browser reports every 4xx
    await page.go(explore('sum by (job) (rate(up[5m])) +* 2'));
    const alert = page.getByRole('alert');
    await alert.getByText(/line 1, column \d+/).waitFor();
    await alert.getByText('^', { exact: true }).waitFor();
    await screenshot(page, 'explore-error-light');
    assert.deepEqual(await violations(page), []);
  });

  test('keeps several queries, the range and the step in the URL, both ways', async () => {
    // Short ones: a server of this test is only seconds old, and points stand at multiples of the step.
    const path = '/explore?q=up&q=count%28up%29&range=5m&step=2s&stack=1';
    await open(path);
    await drawn(theGraph());
    assert.equal(await page.getByLabel('Step').inputValue(), '2s');
    assert.equal(await page.getByLabel('Stacked').isChecked(), true);
    await page.getByRole('button', { name: /^Time: Last 5 minutes/ }).waitFor();
    await page.getByRole('textbox', { name: 'Query B' }).waitFor();
    await page.getByRole('tab', { name: 'Table' }).click();
    await page.waitForURL(/tab=table/);
    assert.deepEqual(searchOf().getAll('q'), ['up', 'count(up)']);
    await page.goBack();
    await drawn(theGraph());
    assert.equal(searchOf().get('tab'), null);
    await page.reload();
    await drawn(theGraph());
    assert.deepEqual(searchOf().getAll('q'), ['up', 'count(up)']);
  });

  test("understands Prometheus' own links", async () => {
    const end = new Date(Date.now() - 5000).toISOString().slice(0, 19).replace('T', ' ');
    const legacy = `g0.expr=up&g0.tab=0&g0.range_input=10m&g0.end_input=${encodeURIComponent(end)}&g0.step_input=2`;
    for (const path of [`/graph?${legacy}`, `/query?${legacy}`]) {
      await open(path);
      await drawn(theGraph());
      assert.equal(await page.getByLabel('Step').inputValue(), '2s');
      await page.getByRole('button', { name: new RegExp(`^Time: .*${end}`) }).waitFor();
      await closePage(page);
    }
    await open('/graph?g0.expr=up&g0.tab=1'); // an alert's "source"
    await page
      .locator('main')
      .getByText(/instance=/)
      .first()
      .waitFor();
    assert.equal(await page.getByRole('tab', { name: 'Table' }).getAttribute('aria-selected'), 'true');
  });

  test('zooms in by dragging and out by a double click', async () => {
    await open(explore('up', '&range=2m')); // a server of this test is only seconds old: drag over its right end
    await drawn(theGraph());
    const box = await page.locator('main .u-over').first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.99, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/end=/);
    assert.match(searchOf().get('range'), /^(5[89]s|60s|1m)$/);
    await page.locator('main .u-over').first().dblclick();
    await page.waitForURL((url) => /^(11\ds|1m5\ds|120s|2m)$/.test(url.searchParams.get('range') ?? ''));
  });

  test('has room for the label of the last tick', async () => {
    // Ticks every 30 s, the last of them at the end of the axis.
    await open('/explore?q=vector%281%29&range=5m&end=2026-01-01T12:05:00Z');
    page.expected = [/willReadFrequently/]; // the browser would like to know that tests look at pixels twice
    await drawn(theGraph());
    assert.equal(await inkAtRightEdge(theGraph()), 0, 'nothing is cut off');
  });

  test('reads values under the keyboard cursor', async () => {
    await open(explore('up', '&range=5m'));
    await drawn(theGraph());
    const chart = page.getByRole('slider', { name: /up/ });
    await chart.focus();
    await page.keyboard.press('ArrowLeft');
    await eventually(
      async () => /\d\d:\d\d:\d\d.*[01]/.test(await chart.getAttribute('aria-valuetext')),
      'a spoken value',
    );
  });

  test('asks again after a server that was busy, and shows the answer', async () => {
    page = await openPage(browser, server.base);
    page.expected = [/status of 503/];
    let refused = 0;
    await page.route('**/api/v1/query_range*', (route) => {
      refused += 1;
      if (refused > 2) return route.continue();
      return route.fulfill({ status: 503, json: { status: 'error', errorType: 'unavailable', error: 'busy' } });
    });
    await page.go(explore('up'));
    await drawn(theGraph());
    assert.equal(refused >= 3, true);
  });

  test('gives up a request whose question is gone', async () => {
    page = await openPage(browser, server.base);
    let failed = '';
    page.on('requestfailed', (request) => {
      failed = `${request.url()} ${request.failure().errorText}`;
    });
    await page.route('**/api/v1/query_range*', async (route) => {
      if (!route.request().url().includes('slow')) return route.continue();
      await new Promise((resolve) => setTimeout(resolve, 600_000).unref());
      return route.abort().catch(() => undefined);
    });
    await page.go(explore('vector(1) or on() slow'));
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    await page.go(explore('up'));
    await drawn(theGraph());
    await eventually(async () => failed.includes('slow'), 'the slow request was aborted');
  });
});

describe('targets', () => {
  test('show health, labels, times and the reason of a failure', async () => {
    await open('/targets');
    await page.getByRole('heading', { name: 'Targets', level: 1 }).waitFor();
    const main = page.locator('main');
    for (const pool of ['node', 'barograph', 'broken']) await main.getByRole('heading', { name: pool }).waitFor();
    await main
      .getByText(/refused/i)
      .first()
      .waitFor();
    await main.getByText(/ ago$/).first().waitFor();
    await main.getByText('job=node').first().waitFor();
    await screenshot(page, 'targets-light');
  });

  test('can be searched', async () => {
    await open('/targets');
    await page
      .locator('main')
      .getByText(/refused/i)
      .first()
      .waitFor();
    await page.getByRole('searchbox').fill('job="node"');
    await eventually(
      async () =>
        (await page
          .locator('main')
          .getByText(/refused/i)
          .count()) === 0,
      'only the node job',
    );
  });

  test('are filtered by the health in the URL', async () => {
    await open('/targets?health=down');
    await page
      .locator('main')
      .getByText(/refused/i)
      .first()
      .waitFor();
    assert.equal(await page.locator('main').getByText('/metrics/node').count(), 0);
  });

  test('stay quick when there are ten thousand', async () => {
    page = await openPage(browser, server.base);
    const activeTargets = Array.from({ length: 10_000 }, (_, i) => ({
      discoveredLabels: {},
      labels: { instance: `10.0.${i >> 8}.${i & 255}:9100`, job: `job-${i % 20}` },
      scrapePool: `job-${i % 20}`,
      scrapeUrl: `http://10.0.${i >> 8}.${i & 255}:9100/metrics`,
      globalUrl: '',
      lastError: '',
      lastScrape: new Date().toISOString(),
      lastScrapeDuration: 0.01,
      health: 'up',
      scrapeInterval: '15s',
      scrapeTimeout: '10s',
    }));
    const answer = { status: 'success', data: { activeTargets, droppedTargets: [], droppedTargetCounts: {} } };
    await page.route('**/api/v1/targets*', (route) => route.fulfill({ json: answer }));
    await page.go('/targets');
    await page.locator('main').getByText('10.0.0.0:9100').first().waitFor();
    const elements = await page.locator('main *').count();
    assert.ok(elements < 4000, `only what is visible exists: ${elements} elements`);
  });
});

describe('status', () => {
  test('tells build, run time, storage, flags and configuration', async () => {
    await open('/status');
    const main = page.locator('main');
    for (const text of [/version/i, /series/i, /storage\.tsdb\.path/, /scrape_configs:/]) {
      await main.getByText(text).first().waitFor();
    }
    const storage = page.getByRole('region', { name: 'Storage', exact: true });
    await storage.getByText('Ok', { exact: true }).waitFor();
    assert.match(await storage.getByRole('row', { name: /Head memory bytes/ }).textContent(), /\d[\d.]* [KMG]iB/);
    await screenshot(page, 'status-light');
  });
});

describe('every page', () => {
  const paths = ['/', explore('up'), explore('up', '&tab=table'), '/targets', '/status'];

  for (const colorScheme of ['light', 'dark']) {
    test(`has no violations that axe finds, ${colorScheme}`, async () => {
      const found = [];
      for (const path of paths) {
        await open(path, { colorScheme });
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.waitForLoadState('networkidle').catch(() => undefined);
        found.push(...(await violations(page)).map((text) => `${path}: ${text}`));
        if (colorScheme === 'dark' && path !== '/') {
          await screenshot(page, `${/[a-z]+/.exec(path)[0]}${path.includes('table') ? '-table' : ''}-dark`);
        }
        await closePage(page);
        page = undefined;
      }
      assert.deepEqual(found, []);
    });
  }

  test('fits a narrow screen without a sideways scroll', async () => {
    const excesses = [];
    for (const path of paths) {
      await open(path, { viewport: { width: 390, height: 800 } });
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForTimeout(300);
      const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (excess > 0) excesses.push(`${path} is ${excess} px too wide`);
      await closePage(page);
      page = undefined;
    }
    assert.deepEqual(excesses, []);
  });

  test('is reached by the navigation and by keys', async () => {
    await open('/');
    for (const [name, pattern] of [
      ['Explore', /\/explore$/],
      ['Targets', /\/targets$/],
      ['Status', /\/status$/],
    ]) {
      await page.getByRole('navigation').getByRole('link', { name }).click();
      await page.waitForURL(pattern);
      await page.getByRole('heading', { name, level: 1 }).waitFor();
    }
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('these keys').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });

  test('takes another theme and keeps it', async () => {
    await open('/');
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    assert.equal(await theme(), 'light');
    const button = page.getByRole('button', { name: /^Theme/ });
    await eventually(async () => {
      if ((await theme()) === 'dark') return true;
      await button.click();
      return false;
    }, 'the dark theme');
    await page.reload();
    assert.equal(await theme(), 'dark');
  });

  test('says so when there is no such page', async () => {
    page = await openPage(browser, server.base);
    page.expected = [/status of 404/];
    const response = await page.go('/no/such/page');
    assert.equal(response.status(), 404);
  });
});

// Last, when there is a minute of data to look at: these pictures stand in the README.
describe('pictures', () => {
  for (const colorScheme of ['light', 'dark']) {
    test(`of the overview, ${colorScheme}`, async () => {
      await open('/?range=1m', { colorScheme });
      for (const title of ['CPU by mode', 'Memory', 'Disk throughput', 'Network throughput']) {
        await drawn(page.getByRole('region', { name: title }).locator('canvas'));
      }
      await screenshot(page, `overview-${colorScheme}`);
    });
  }
});
