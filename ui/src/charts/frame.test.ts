import { describe, expect, it } from 'vitest';
import { type Frame, mergeFrames, stackColumns, summarize, toFrame, topByLast } from './frame';

const kGrid = { startMs: 0, endMs: 40_000, stepMs: 10_000 };

const frame = (startMs: number, endMs: number, column: (number | null)[]): Frame => ({
  startMs,
  endMs,
  stepMs: 10_000,
  series: [{ labels: {}, column }],
  histogramCount: 0,
});

describe('toFrame', () => {
  it('leaves gaps where there is no value, NaN or infinity, and ignores what is off the grid', () => {
    const values: [number, string][] = [
      [0, '1'],
      [10, 'NaN'],
      [20, '+Inf'],
      [40, '5'],
      [50, '6'],
    ];
    expect(toFrame([{ metric: {}, values }], kGrid).series[0]?.column).toEqual([1, null, null, null, 5]);
  });

  it('counts native histograms', () => {
    const histograms: [number, { count: string; sum: string }][] = [[0, { count: '1', sum: '2' }]];
    const made = toFrame([{ metric: {}, histograms }], kGrid);
    expect([made.series.length, made.histogramCount]).toEqual([0, 1]);
  });
});

describe('mergeFrames', () => {
  it('brings frames that were asked at different times onto one grid', () => {
    const merged = mergeFrames([frame(0, 20_000, [1, 2, 3]), frame(10_000, 30_000, [4, 5, 6])]);
    expect(merged?.series.map(({ column }) => column)).toEqual([
      [1, 2, 3, null],
      [null, 4, 5, 6],
    ]);
    expect(mergeFrames([])).toBeNull();
  });
});

describe('columns', () => {
  it('stack, with gaps kept', () => {
    expect(
      stackColumns([
        [1, null, 3],
        [10, 20, null],
      ]),
    ).toEqual([
      [1, null, 3],
      [11, 20, null],
    ]);
  });

  it.each([
    [[1, null, 3], { last: 3, min: 1, max: 3, mean: 2 }],
    [[5, null], { last: 5, min: 5, max: 5, mean: 5 }],
    [[null], { last: null, min: null, max: null, mean: null }],
  ])('%j sum up to %j', (column, expected) => expect(summarize(column)).toEqual(expected));

  it('keep the greatest last values in their old order', () => {
    const series = [3, 9, null, 7].map((last, i) => ({ labels: { i: String(i) }, column: [last] }));
    expect(topByLast(series, 2).map(({ labels }) => labels.i)).toEqual(['1', '3']);
    expect(topByLast(series, 4)).toHaveLength(4);
  });
});
