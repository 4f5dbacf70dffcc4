// Series and selectors as text.

import type { Labels } from '../api/types';

const kEscapes: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/// A label value or name between double quotes, as PromQL reads it.
export const quote = (text: string): string => `"${text.replace(/[\\"\n]/g, (c) => kEscapes[c] ?? c)}"`;

const isPlainMetric = (name: string): boolean => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
const isPlainLabel = (name: string): boolean => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);

/// The series as PromQL would select it: up{job="node"}. Names beyond ASCII letters are quoted: {"café.size"}.
export function formatSeries(labels: Labels): string {
  const metric = labels.__name__ ?? '';
  const pairs = Object.keys(labels)
    .filter((name) => name !== '__name__')
    .sort()
    .map((name) => `${isPlainLabel(name) ? name : quote(name)}=${quote(labels[name] ?? '')}`);
  if (metric && !isPlainMetric(metric)) return `{${[quote(metric), ...pairs].join(', ')}}`;
  return pairs.length || !metric ? `${metric}{${pairs.join(', ')}}` : metric;
}

/// Splits label sets into what all of them share and what each has of its own.
export function splitShared(all: readonly Labels[]): { shared: Labels; own: Labels[] } {
  const [first] = all;
  if (!first || all.length === 1) return { shared: {}, own: [...all] };
  const shared: Record<string, string> = {};
  for (const [name, value] of Object.entries(first)) {
    if (all.every((labels) => labels[name] === value)) shared[name] = value;
  }
  const own = all.map((labels) => Object.fromEntries(Object.entries(labels).filter(([name]) => !(name in shared))));
  return { shared, own };
}

/// A short name for a legend or a tooltip: the values alone where one label tells the series apart.
export function shortName(own: Labels, fallback: string): string {
  const names = Object.keys(own);
  if (names.length === 0) return fallback;
  if (names.length === 1) return own[names[0] ?? ''] || '""';
  return formatSeries(own);
}

/// Where in the query a parse error points to: '1:5: parse error: …' anywhere in the message.
export interface ErrorPosition {
  line: number;
  column: number;
}

export function errorPosition(message: string): ErrorPosition | null {
  const match = /(?:^|[\s"])(\d+):(\d+): /.exec(message) ?? /line (\d+),? column (\d+)/i.exec(message);
  return match ? { line: Number(match[1]), column: Number(match[2]) } : null;
}

/// The line of the query that the position names and the spaces that bring a caret under it.
export function caretLines(query: string, position: ErrorPosition): { line: string; indent: string } | null {
  const line = query.split('\n')[position.line - 1];
  if (line === undefined || position.column < 1 || position.column > line.length + 1) return null;
  return { line, indent: line.slice(0, position.column - 1).replace(/[^\t]/g, ' ') };
}

/// What a query is called on a page: A, B, C.
export const letter = (index: number): string => String.fromCharCode(65 + (index % 26));
