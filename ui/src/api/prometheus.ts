// The questions the interface asks, as options for useRemote().

import { type Frame, toFrame } from '../charts/frame';
import { ask } from './client';
import type { RemoteOptions } from './hooks';
import type { Answer, Labels, MetricMetadata, QueryData, StorageStatus, Targets, TsdbStatus } from './types';

export interface RangeQuestion {
  expr: string;
  rangeMs: number;
  /// null: up to now, at each time it is asked.
  endMs: number | null;
  stepMs: number;
}

const seconds = (ms: number): string => String(ms / 1000);

async function askRange(question: RangeQuestion, signal: AbortSignal): Promise<Answer<Frame>> {
  const { expr, rangeMs, stepMs } = question;
  const endMs = Math.floor((question.endMs ?? Date.now()) / stepMs) * stepMs;
  const startMs = Math.ceil((endMs - rangeMs) / stepMs) * stepMs;
  const params = { query: expr, start: seconds(startMs), end: seconds(endMs), step: seconds(stepMs) };
  const answer = await ask<QueryData>('/api/v1/query_range', params, signal);
  const items = answer.data.resultType === 'matrix' ? answer.data.result : [];
  return { ...answer, data: toFrame(items, { startMs, endMs, stepMs }) };
}

export function rangeQuery(question: RangeQuestion, refreshMs: number): RemoteOptions<Answer<Frame>> {
  return {
    queryKey: ['range', question.expr, question.rangeMs, question.endMs, question.stepMs],
    queryFn: ({ signal }) => askRange(question, signal),
    refetchInterval: refreshMs || false,
    enabled: question.expr.trim() !== '',
  };
}

export interface InstantAnswer {
  data: QueryData;
  timeMs: number;
}

export function instantQuery(
  expr: string,
  endMs: number | null,
  refreshMs: number,
): RemoteOptions<Answer<InstantAnswer>> {
  return {
    queryKey: ['instant', expr, endMs],
    queryFn: async ({ signal }) => {
      const timeMs = endMs ?? Date.now();
      const answer = await ask<QueryData>('/api/v1/query', { query: expr, time: seconds(timeMs) }, signal);
      return { ...answer, data: { data: answer.data, timeMs } };
    },
    refetchInterval: refreshMs || false,
    enabled: expr.trim() !== '',
  };
}

export const targetsQuery = (refreshMs: number): RemoteOptions<Answer<Targets>> => ({
  queryKey: ['targets'],
  queryFn: ({ signal }) => ask<Targets>('/api/v1/targets', { state: 'active' }, signal),
  refetchInterval: refreshMs || false,
});

const status = <T>(name: string): RemoteOptions<Answer<T>> => ({
  queryKey: ['status', name],
  queryFn: ({ signal }) => ask<T>(`/api/v1/status/${name}`, {}, signal),
});

export const buildInfo = () => status<Record<string, string>>('buildinfo');
export const runtimeInfo = () => status<Record<string, string | number | boolean>>('runtimeinfo');
export const tsdbStatus = () => status<TsdbStatus>('tsdb');
export const storageStatus = () => status<StorageStatus>('storage');
export const flagsStatus = () => status<Record<string, string>>('flags');
export const configStatus = () => status<{ yaml: string }>('config');

/// Lists for completion. They are asked for directly: the client below keeps them.
const matching = (matcher: string | undefined): readonly string[] | undefined => (matcher ? [matcher] : undefined);

export const askLabels = async (matcher?: string): Promise<string[]> =>
  (await ask<string[]>('/api/v1/labels', { 'match[]': matching(matcher) })).data;

export const askLabelValues = async (label: string, matcher?: string): Promise<string[]> =>
  (await ask<string[]>(`/api/v1/label/${encodeURIComponent(label)}/values`, { 'match[]': matching(matcher) })).data;

export const askSeries = async (matcher: string): Promise<Labels[]> =>
  (await ask<Labels[]>('/api/v1/series', { 'match[]': [matcher] })).data;

export const askMetadata = async (metric?: string): Promise<Record<string, MetricMetadata[]>> =>
  (await ask<Record<string, MetricMetadata[]>>('/api/v1/metadata', { metric })).data;

export const askFlags = async (): Promise<Record<string, string>> => (await flagsRaw()).data;
const flagsRaw = () => ask<Record<string, string>>('/api/v1/status/flags');
