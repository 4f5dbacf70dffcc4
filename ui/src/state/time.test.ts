import { describe, expect, it } from 'vitest';
import {
  chooseStep,
  effectiveStep,
  formatAge,
  formatDuration,
  formatInstant,
  formatTick,
  kDay,
  kHour,
  kMinute,
  parseDuration,
  parseInstant,
} from './time';

describe('parseDuration', () => {
  it.each([
    ['15s', 15_000],
    ['1h30m', 5_400_000],
    ['2w', 14 * kDay],
    ['1y', 365 * kDay],
    ['1m500ms', 60_500],
    ['500ms', 500],
    ['15', 15_000],
    ['0.5', 500],
    [' 5m ', 300_000],
    ['', null],
    ['0s', null],
    ['5x', null],
    ['m5', null],
    ['30s1m', null],
    ['-5m', null],
  ])('%j is %j', (text, expected) => expect(parseDuration(text)).toBe(expected));
});

describe('formatDuration', () => {
  it.each([
    [15_000, '15s'],
    [90_000, '1m30s'],
    [5_400_000, '1h30m'],
    [3_661_000, '1h1m1s'],
    [14 * kDay, '2w'],
    [kDay, '1d'],
    [1500, '1s500ms'],
    [250, '250ms'],
  ])('%d ms is %s', (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
    expect(parseDuration(expected)).toBe(ms);
  });
});

describe('parseInstant', () => {
  const now = Date.UTC(2026, 2, 1, 12);
  it.each([
    ['now', now],
    ['now-6h', now - 6 * kHour],
    ['now - 5m', now - 5 * kMinute],
    ['1700000000', 1_700_000_000_000],
    ['1700000000.25', 1_700_000_000_250],
    ['2026-03-01', Date.UTC(2026, 2, 1)],
    ['2026-03-01 14:02', Date.UTC(2026, 2, 1, 14, 2)],
    ['2026-03-01T14:02:10Z', Date.UTC(2026, 2, 1, 14, 2, 10)],
    ['2026-03-01T14:02:10.5+02:00', Date.UTC(2026, 2, 1, 12, 2, 10, 500)],
    ['2026-13-01', null],
    ['yesterday', null],
    ['now-', null],
    ['', null],
  ])('%j in UTC is %j', (text, expected) => expect(parseInstant(text, now, true)).toBe(expected));

  it('reads what formatInstant wrote, in both zones', () => {
    for (const utc of [true, false]) expect(parseInstant(formatInstant(now + 1250, utc), 0, utc)).toBe(now + 1250);
  });
});

describe('chooseStep', () => {
  it.each([
    [kHour, 300, 15_000],
    [15 * kMinute, 300, 5000],
    [kDay, 300, 300_000],
    [30 * kDay, 300, 10_800_000],
    [1000, 300, 1000],
    [3650 * kDay, 10, 371 * kDay],
  ])('%d ms over %d points is %d ms', (range, points, expected) => expect(chooseStep(range, points)).toBe(expected));

  it('keeps a wish unless the server would refuse it', () => {
    expect(effectiveStep(kHour, 1000, 300)).toBe(1000);
    const step = effectiveStep(30 * kDay, 1000, 300);
    expect((30 * kDay) / step).toBeLessThan(11_000);
  });
});

describe('formatTick', () => {
  const noon = Date.UTC(2026, 2, 1, 12, 30, 5);
  it.each([
    [noon, kDay, '03-01'],
    [noon, kHour, '12:30'],
    [noon, 5000, '12:30:05'],
    [Date.UTC(2026, 2, 1), kHour, '03-01'],
  ])('%d every %d is %s', (ms, increment, expected) => expect(formatTick(ms, increment, true)).toBe(expected));
});

describe('formatAge', () => {
  it.each([
    [400, '0.4 s'],
    [59_000, '59 s'],
    [600_000, '10 min'],
    [5 * kHour, '5 h'],
    [9 * kDay, '9 d'],
    [-1, 'in the future'],
  ])('%d ms is %s', (ms, expected) => expect(formatAge(ms)).toBe(expected));
});
