// The server under test: one that is there already (BARO_BASE), or one started here under a path prefix, which scrapes
// itself and this machine every second.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const kRoot = fileURLToPath(new URL('../../../', import.meta.url));
const kReadyMsMax = 120_000;
const kGraphStepMs = 60_000; // a multiple of every step the tests' graphs have
const kPrefix = '/some/prefix';

/// The configuration has a target that does not answer: the targets page must show why.
const config = (port, deadPort) => `
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: barograph
    metrics_path: ${kPrefix}/metrics
    static_configs:
      - targets: ["127.0.0.1:${port}"]
  - job_name: node
    metrics_path: ${kPrefix}/metrics/node
    static_configs:
      - targets: ["127.0.0.1:${port}"]
  - job_name: broken
    static_configs:
      - targets: ["127.0.0.1:${deadPort}"]
`;

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/// At a time at which graphs of an hour have a point: a graph of `up` over a younger server is rightly empty.
async function hasRates(base) {
  const query = encodeURIComponent('count(rate(node_cpu_seconds_total[30s])) + count(up == 0)');
  const time = Math.floor(Date.now() / kGraphStepMs) * (kGraphStepMs / 1000);
  try {
    const response = await fetch(`${base}/api/v1/query?query=${query}&time=${time}`);
    const answer = await response.json();
    return answer.data?.result?.length > 0;
  } catch {
    return false; // not listening yet
  }
}

/// Returns { base, stop }: the address without a slash at its end, and what ends the server if it was started here.
export async function startServer() {
  if (process.env.BARO_BASE) return { base: process.env.BARO_BASE.replace(/\/+$/, ''), stop: async () => {} };

  const binary = process.env.BARO_BINARY ?? join(kRoot, 'build/release/barograph');
  const folder = await mkdtemp(join(tmpdir(), 'barograph-e2e-'));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}${kPrefix}`;
  await writeFile(join(folder, 'prometheus.yml'), config(port, await freePort()));
  const child = spawn(
    binary,
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--web.external-url=${base}/`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      log = (log + chunk).slice(-4000);
    });
  }
  const exited = new Promise((resolve) => {
    child.on('error', (error) => {
      log += error.message;
      resolve();
    });
    child.on('exit', resolve);
  });
  let hasExited = false;
  exited.then(() => {
    hasExited = true;
  });
  const stop = async () => {
    if (!hasExited) child.kill('SIGTERM');
    await Promise.race([exited, sleep(10_000, undefined, { ref: false })]);
    if (!hasExited) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };

  const deadline = Date.now() + kReadyMsMax;
  while (!(await hasRates(base))) {
    if (hasExited || Date.now() > deadline) {
      await stop();
      throw new Error(`${binary} ${hasExited ? 'ended' : 'had no rates after 120 s'}; its log ends with:\n${log}`);
    }
    await sleep(200);
  }
  return { base, stop };
}
