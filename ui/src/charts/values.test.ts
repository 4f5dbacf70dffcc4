import { describe, expect, it } from 'vitest';
import { formatValue, readValue, type Unit } from './values';

describe('formatValue', () => {
  it.each<[number | null | undefined, Unit, string]>([
    [0, 'number', '0'],
    [1.23456, 'number', '1.23'],
    [12.3456, 'number', '12.3'],
    [1234.56, 'number', '1234.6'],
    [12_345, 'number', '12.3 k'],
    [-2_500_000, 'number', '-2.5 M'],
    [1e23, 'number', '1.00e+23'],
    [0.0042, 'number', '0.0042'],
    [0.00000042, 'number', '4.2e-7'],
    [0.5, 'number', '0.5'],
    [41.234, 'percent', '41.2 %'],
    [512, 'bytes', '512 B'],
    [3_221_225_472, 'bytes', '3 GiB'],
    [1536, 'bytesPerSecond', '1.5 KiB/s'],
    [0, 'seconds', '0 s'],
    [0.0123, 'seconds', '12.3 ms'],
    [1, 'seconds', '1 s'],
    [0.001, 'seconds', '1 ms'],
    [0.00009, 'seconds', '90 µs'],
    [0.0021, 'seconds', '2.1 ms'],
    [90, 'seconds', '90 s'],
    [300, 'seconds', '5 min'],
    [36_000, 'seconds', '10 h'],
    [864_000, 'seconds', '10 d'],
    [null, 'number', '–'],
    [undefined, 'bytes', '–'],
    [Number.NaN, 'number', 'NaN'],
    [Number.NEGATIVE_INFINITY, 'number', '-Inf'],
  ])('%j as %s is %s', (value, unit, expected) => expect(formatValue(value, unit)).toBe(expected));
});

describe('readValue', () => {
  it.each([
    ['1.5', 1.5],
    ['1e3', 1000],
    ['+Inf', Number.POSITIVE_INFINITY],
    ['-Inf', Number.NEGATIVE_INFINITY],
    ['NaN', Number.NaN],
  ])('%s', (text, expected) => expect(readValue(text)).toBe(expected));
});
