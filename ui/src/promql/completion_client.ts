// What the editor's completion asks the server, through our client and its cache.

import type { PrometheusClient } from '@prometheus-io/codemirror-promql/dist/esm/client';
import type { Matcher } from '@prometheus-io/codemirror-promql/dist/esm/types';
import { EqlRegex, EqlSingle, Neq, NeqRegex } from '@prometheus-io/lezer-promql';
import { queryClient } from '../api/client';
import { askFlags, askLabels, askLabelValues, askMetadata, askSeries } from '../api/prometheus';
import type { MetricMetadata } from '../api/types';
import { quote } from './format';

/// Names change slowly; typing does not wait for them twice.
const kFreshMs = 60_000;

const kOperators: Readonly<Record<number, string>> = {
  [EqlSingle]: '=',
  [EqlRegex]: '=~',
  [Neq]: '!=',
  [NeqRegex]: '!~',
};

function keep<T>(key: readonly unknown[], ask: () => Promise<T>, fallback: T): Promise<T> {
  const options = { queryKey: ['completion', ...key], queryFn: ask, staleTime: kFreshMs };
  return queryClient.fetchQuery(options).catch(() => fallback); // Without names the editor still edits.
}

/// The selector of a metric with the matchers typed so far, but for the label that is being completed.
export function selector(
  metric = '',
  matchers: readonly Pick<Matcher, 'type' | 'name' | 'value'>[] = [],
  but = '',
): string {
  const parts = matchers
    .filter(({ name, value }) => name !== but && name !== '__name__' && value !== '')
    .map(({ type, name, value }) => `${name}${kOperators[type] ?? '='}${quote(value)}`);
  if (metric) parts.unshift(`__name__=${quote(metric)}`);
  return parts.length ? `{${parts.join(',')}}` : '';
}

export const metricMetadata = (): Promise<Record<string, MetricMetadata[]>> =>
  keep(['metadata'], () => askMetadata(), {});

export const completionClient: PrometheusClient = {
  labelNames: (metric) => {
    const matcher = selector(metric);
    return keep(['labels', matcher], () => askLabels(matcher || undefined), []);
  },
  labelValues: (label, metric, matchers) => {
    const matcher = selector(metric, matchers, label);
    return keep(['values', label, matcher], () => askLabelValues(label, matcher || undefined), []);
  },
  metricMetadata,
  series: async (metric, matchers, label) => {
    const matcher = selector(metric, matchers, label);
    if (!matcher) return [];
    const found = await keep(['series', matcher], () => askSeries(matcher), []);
    return found.map((labels) => new Map(Object.entries(labels)));
  },
  metricNames: () => keep(['values', '__name__', ''], () => askLabelValues('__name__'), []),
  flags: () => keep(['flags'], askFlags, {}),
};
