import { EqlRegex, EqlSingle } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';
import { selector } from './completion_client';
import { caretLines, errorPosition, formatSeries, shortName, splitShared } from './format';

describe('formatSeries', () => {
  it.each([
    [{ __name__: 'up', job: 'node' }, 'up{job="node"}'],
    [{ __name__: 'up' }, 'up'],
    [{}, '{}'],
    [{ b: '2', a: '1' }, '{a="1", b="2"}'],
    [{ __name__: 'x', a: 'q"\\\n' }, 'x{a="q\\"\\\\\\n"}'],
    [{ __name__: 'café.size', a: '1' }, '{"café.size", a="1"}'],
    [{ __name__: 'x', 'a.b': '1' }, 'x{"a.b"="1"}'],
  ])('%j is %s', (labels, expected) => expect(formatSeries(labels as Record<string, string>)).toBe(expected));
});

describe('names in legends', () => {
  it('state once what all series share', () => {
    const { shared, own } = splitShared([
      { __name__: 'cpu', job: 'node', mode: 'user' },
      { __name__: 'cpu', job: 'node', mode: 'system', cpu: '0' },
    ]);
    expect(shared).toEqual({ __name__: 'cpu', job: 'node' });
    expect(own).toEqual([{ mode: 'user' }, { mode: 'system', cpu: '0' }]);
  });

  it('keep a lone series whole', () => {
    expect(splitShared([{ a: '1' }])).toEqual({ shared: {}, own: [{ a: '1' }] });
    expect(splitShared([])).toEqual({ shared: {}, own: [] });
  });

  it.each([
    [{}, 'up', 'up'],
    [{ mode: 'user' }, 'x', 'user'],
    [{ mode: '' }, 'x', '""'],
    [{ a: '1', b: '2' }, 'x', '{a="1", b="2"}'],
  ])('%j else %s is %s', (own, fallback, expected) => {
    expect(shortName(own as Record<string, string>, fallback)).toBe(expected);
  });
});

describe('positions in errors', () => {
  it.each([
    ['invalid parameter "query": 1:5: parse error: unexpected end of input', { line: 1, column: 5 }],
    ['2:13: parse error: unknown function', { line: 2, column: 13 }],
    ['expected type at line 3, column 7', { line: 3, column: 7 }],
    ['dial tcp 127.0.0.1:9090: refused', null],
    ['query timed out', null],
  ])('%s', (message, expected) => expect(errorPosition(message)).toEqual(expected));

  it('put the caret under the place', () => {
    expect(caretLines('sum(\n\tup{', { line: 2, column: 5 })).toEqual({ line: '\tup{', indent: '\t   ' });
    expect(caretLines('up', { line: 1, column: 3 })).toEqual({ line: 'up', indent: '  ' });
    expect(caretLines('up', { line: 1, column: 4 })).toBeNull();
    expect(caretLines('up', { line: 9, column: 1 })).toBeNull();
  });
});

describe('selectors for completion', () => {
  it.each([
    ['', [], ''],
    ['up', [], '{__name__="up"}'],
    ['up', [{ type: EqlRegex, name: 'job', value: 'a"b' }], '{__name__="up",job=~"a\\"b"}'],
    [
      '',
      [
        { type: EqlSingle, name: 'job', value: 'a' },
        { type: EqlSingle, name: 'mode', value: 'x' },
      ],
      '{job="a"}',
    ],
  ])('of %j with %j', (metric, matchers, expected) => expect(selector(metric, matchers, 'mode')).toBe(expected));
});
