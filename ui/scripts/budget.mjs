// Refuses a build that grew past its budget: what the first page loads, and all there is, in gzip bytes.
// Usage: node scripts/budget.mjs [folder]

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const kFirstPageBytesMax = 110_000;
const kAllBytesMax = 420_000;

const dist = process.argv[2] ?? 'dist';
const html = readFileSync(path.join(dist, 'index.html'), 'utf8');
const assets = path.join(dist, 'assets');
const sizes = new Map(
  readdirSync(assets)
    .filter((name) => /\.(js|css)$/.test(name))
    .map((name) => [name, gzipSync(readFileSync(path.join(assets, name)), { level: 9 }).length]),
);

/// What a file imports before it runs; chunks behind import() are not among them.
function staticImports(name) {
  const text = readFileSync(path.join(assets, name), 'utf8');
  return [...text.matchAll(/(?:^|[;}\s])(?:import|export)\s*(?:[\w$*{}\s,]+?from\s*)?["']\.\/([^"']+)["']/g)].map(
    (m) => m[1],
  );
}

const first = new Set();
const waiting = [...html.matchAll(/(?:src|href)="\.\/assets\/([^"]+)"/g)].map((match) => match[1]);
while (waiting.length > 0) {
  const name = waiting.pop();
  if (first.has(name) || !sizes.has(name)) continue;
  first.add(name);
  if (name.endsWith('.js')) waiting.push(...staticImports(name));
}

const sum = (names) => [...names].reduce((total, name) => total + sizes.get(name), 0);
const rows = [
  ['first page', sum(first), kFirstPageBytesMax],
  ['all chunks', sum(sizes.keys()), kAllBytesMax],
];
for (const [name, size] of sizes)
  console.log(`  ${String(size).padStart(7)}  ${name}${first.has(name) ? '  (first page)' : ''}`);
for (const [what, size, max] of rows) {
  const isOver = size > max;
  console.log(`${what}: ${size} of ${max} bytes, gzip${isOver ? ': TOO MUCH' : ''}`);
  if (isOver) process.exitCode = 1;
}
if (first.size === 0) {
  console.error(`${dist}/index.html loads no assets: is this a build?`);
  process.exitCode = 1;
}
