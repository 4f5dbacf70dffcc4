// The state of a page as its URL, both ways. A copied link shows the same thing to anyone.

import { formatDuration, kDay, kHour, kMinute, kSecond, parseDuration, parseInstant } from './time';

export type Tab = 'graph' | 'table';

/// The time a page looks at. `endMs` null means now, and moving.
export interface TimeState {
  rangeMs: number;
  endMs: number | null;
  /// 0 means that nothing is asked again by itself.
  refreshMs: number;
}

export interface ExploreState extends TimeState {
  queries: string[];
  tab: Tab;
  /// null lets the page choose.
  stepMs: number | null;
  isStacked: boolean;
}

export const kRangeMsDefault = kHour;
export const kRangeMsMin = 10 * kSecond;
export const kRangeMsMax = 10 * 365 * kDay;
export const kQueriesMax = 20;

const clampRange = (ms: number): number => Math.min(kRangeMsMax, Math.max(kRangeMsMin, ms));

export function parseTimeState(search: URLSearchParams, fallback: TimeState): TimeState {
  const range = parseDuration(search.get('range') ?? '');
  const end = parseInstant(search.get('end') ?? '', 0, true);
  const refreshText = search.get('refresh');
  const refresh = refreshText === 'off' ? 0 : parseDuration(refreshText ?? '');
  return {
    rangeMs: range === null ? fallback.rangeMs : clampRange(range),
    endMs: end,
    refreshMs: refresh ?? (end === null ? fallback.refreshMs : 0),
  };
}

/// Writes what differs from `fallback`, so that links stay short.
export function writeTimeState(search: URLSearchParams, state: TimeState, fallback: TimeState): void {
  if (state.rangeMs !== fallback.rangeMs) search.set('range', formatDuration(state.rangeMs));
  if (state.endMs !== null) search.set('end', new Date(state.endMs).toISOString().replace('.000Z', 'Z'));
  const expected = state.endMs === null ? fallback.refreshMs : 0;
  if (state.refreshMs !== expected) search.set('refresh', state.refreshMs ? formatDuration(state.refreshMs) : 'off');
}

export const kExploreTime: TimeState = { rangeMs: kRangeMsDefault, endMs: null, refreshMs: 0 };
/// Short: what a server that began a minute ago knows is seen to move.
export const kOverviewTime: TimeState = { rangeMs: 5 * kMinute, endMs: null, refreshMs: 5 * kSecond };

export function parseExplore(search: URLSearchParams): ExploreState {
  if ([...search.keys()].some((key) => /^g\d+\./.test(key))) return parseLegacy(search);
  return {
    ...parseTimeState(search, kExploreTime),
    queries: search.getAll('q').slice(0, kQueriesMax),
    tab: search.get('tab') === 'table' ? 'table' : 'graph',
    stepMs: parseDuration(search.get('step') ?? ''),
    isStacked: search.get('stack') === '1',
  };
}

export function writeExplore(state: ExploreState): string {
  const search = new URLSearchParams();
  for (const query of state.queries) search.append('q', query);
  if (state.tab !== 'graph') search.set('tab', state.tab);
  writeTimeState(search, state, kExploreTime);
  if (state.stepMs !== null) search.set('step', formatDuration(state.stepMs));
  if (state.isStacked) search.set('stack', '1');
  const text = search.toString();
  return text ? `/explore?${text}` : '/explore';
}

/// Prometheus' own links, which stand in every alert's "source": ?g0.expr=…&g0.tab=…&g0.range_input=…. Time and tab are
/// the first panel's; the others add their queries. tab=1 is the table in links written by Prometheus 1 and 2.
function parseLegacy(search: URLSearchParams): ExploreState {
  const indices = [...search.keys()].flatMap((key) => /^g(\d+)\.expr$/.exec(key)?.[1] ?? []).map(Number);
  const sorted = [...new Set(indices)].sort((a, b) => a - b);
  const first = (name: string): string => search.get(`g${sorted[0] ?? 0}.${name}`) ?? '';
  const instant = first('end_input') || first('moment_input');
  const tab = first('tab');
  return {
    queries: sorted.slice(0, kQueriesMax).map((index) => search.get(`g${index}.expr`) ?? ''),
    tab: tab === '1' || tab === 'table' ? 'table' : 'graph',
    rangeMs: clampRange(parseDuration(first('range_input')) ?? kRangeMsDefault),
    endMs: instant ? parseInstant(instant, 0, true) : null,
    stepMs: parseDuration(first('step_input') || first('res_step')),
    isStacked: first('stacked') === '1' || first('display_mode') === 'stacked',
    refreshMs: 0,
  };
}
