import { describe, expect, it } from 'vitest';
import { kHour, kMinute } from './time';
import { type ExploreState, kOverviewTime, parseExplore, parseTimeState, writeExplore, writeTimeState } from './url';

const kPlain: ExploreState = {
  queries: ['up'],
  tab: 'graph',
  rangeMs: kHour,
  endMs: null,
  refreshMs: 0,
  stepMs: null,
  isStacked: false,
};

const parse = (url: string): ExploreState => parseExplore(new URL(url, 'http://x').searchParams);

describe('the URL of the explore page', () => {
  it.each<[string, Partial<ExploreState>]>([
    ['/explore?q=up', {}],
    ['/explore?q=up&q=sum%28rate%28x%5B5m%5D%29%29', { queries: ['up', 'sum(rate(x[5m]))'] }],
    ['/explore?q=up&tab=table', { tab: 'table' }],
    ['/explore?q=up&range=6h&refresh=10s', { rangeMs: 6 * kHour, refreshMs: 10_000 }],
    ['/explore?q=up&end=2026-03-01T14%3A02%3A10Z', { endMs: Date.UTC(2026, 2, 1, 14, 2, 10) }],
    ['/explore?q=up&step=30s&stack=1', { stepMs: 30_000, isStacked: true }],
    ['/explore?q=a%7Bb%3D%22%26%22%7D', { queries: ['a{b="&"}'] }],
  ])('%s', (url, patch) => {
    expect(parse(url)).toEqual({ ...kPlain, ...patch });
    expect(writeExplore({ ...kPlain, ...patch })).toBe(url);
  });

  it('survives nonsense', () => {
    expect(parse('/explore?range=x&end=never&step=-1&refresh=1y1y&tab=foo')).toEqual({ ...kPlain, queries: [] });
    expect(parse('/explore?range=1ms').rangeMs).toBe(10_000);
    expect(parse(`/explore?${'q=up&'.repeat(50)}`).queries).toHaveLength(20);
  });
});

describe('links of Prometheus', () => {
  it.each<[string, Partial<ExploreState>]>([
    ['/graph?g0.expr=up&g0.tab=1', { tab: 'table' }],
    ['/graph?g0.expr=up&g0.tab=0&g0.range_input=30m', { rangeMs: 30 * kMinute }],
    ['/query?g0.expr=up&g0.tab=table', { tab: 'table' }],
    [
      '/graph?g0.expr=up&g0.range_input=2h&g0.end_input=2026-03-01%2014:02&g0.step_input=15',
      { rangeMs: 2 * kHour, endMs: Date.UTC(2026, 2, 1, 14, 2), stepMs: 15_000 },
    ],
    ['/graph?g0.expr=up&g0.stacked=1', { isStacked: true }],
    ['/query?g0.expr=up&g0.display_mode=stacked&g10.expr=c&g2.expr=b', { isStacked: true, queries: ['up', 'b', 'c'] }],
    ['/graph?g0.expr=up&g0.moment_input=2026-03-01%2000:00:00', { endMs: Date.UTC(2026, 2, 1) }],
  ])('%s', (url, patch) => expect(parse(url)).toEqual({ ...kPlain, ...patch }));
});

describe('the time in a URL', () => {
  it.each([
    ['', {}],
    ['range=1h', { rangeMs: kHour }],
    ['refresh=off', { refreshMs: 0 }],
    ['end=2026-03-01T00%3A00%3A00Z', { endMs: Date.UTC(2026, 2, 1), refreshMs: 0 }],
  ])('%j', (text, patch) => {
    const state = { ...kOverviewTime, ...patch };
    expect(parseTimeState(new URLSearchParams(text), kOverviewTime)).toEqual(state);
    const search = new URLSearchParams();
    writeTimeState(search, state, kOverviewTime);
    expect(search.toString()).toBe(text);
  });
});
