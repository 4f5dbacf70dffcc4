// The one place that talks to the server: deduplicates, caches, aborts, and tries again when the server is busy.

import { QueryClient } from '@tanstack/query-core';
import { prefix } from '../state/page';
import type { Answer, Envelope } from './types';

/// Why a request has no answer. `kind` is the API's errorType, or 'network', 'http', 'format'.
export class ApiError extends Error {
  readonly kind: string;
  readonly httpStatus: number;
  readonly retryAfterMs: number;

  constructor(kind: string, message: string, httpStatus = 0, retryAfterMs = 0) {
    super(message);
    this.name = 'ApiError';
    this.kind = kind;
    this.httpStatus = httpStatus;
    this.retryAfterMs = retryAfterMs;
  }
}

export type Params = Readonly<Record<string, string | readonly string[] | undefined>>;

/// Longer queries go into the body of a POST: servers and proxies cut request lines at a few kilobytes.
const kUrlLengthMax = 2000;
const kRetriesMax = 3;
const kRetryDelayMs = 500;
const kRetryDelayMsMax = 8000;

export function encodeParams(params: Params): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue;
    for (const item of typeof value === 'string' ? [value] : value) search.append(name, item);
  }
  return search.toString();
}

async function send(path: string, params: Params, signal: AbortSignal | undefined): Promise<Response> {
  const query = encodeParams(params);
  const url = `${prefix}${path}`;
  const init: RequestInit = { headers: { Accept: 'application/json' }, credentials: 'same-origin' };
  if (signal) init.signal = signal;
  try {
    if (url.length + query.length <= kUrlLengthMax) return await fetch(query ? `${url}?${query}` : url, init);
    return await fetch(url, { ...init, method: 'POST', body: new URLSearchParams(query) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError('network', 'The server cannot be reached. Is it running, and does the network let us through?');
  }
}

/// Asks an endpoint of the Prometheus API, e.g. '/api/v1/labels'. Throws ApiError.
export async function ask<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<Answer<T>> {
  const begun = performance.now();
  const response = await send(path, params, signal);
  const retryAfterMs = 1000 * (Number(response.headers.get('Retry-After')) || 0);
  const text = await response.text();
  let envelope: Envelope<T>;
  try {
    envelope = JSON.parse(text) as Envelope<T>;
  } catch {
    const said = text.trim().slice(0, 300);
    if (response.ok) throw new ApiError('format', `${path} did not answer with JSON: ${said}`, response.status);
    throw new ApiError('http', said || `${path}: HTTP status ${response.status}`, response.status, retryAfterMs);
  }
  if (!response.ok || envelope.status !== 'success' || envelope.data === undefined) {
    const message = envelope.error ?? `${path}: HTTP status ${response.status}`;
    throw new ApiError(envelope.errorType ?? 'http', message, response.status, retryAfterMs);
  }
  return {
    data: envelope.data,
    warnings: envelope.warnings ?? [],
    infos: envelope.infos ?? [],
    tookMs: performance.now() - begun,
  };
}

/// Only "busy, come back" is worth asking again; a wrong query stays wrong.
export function shouldRetry(failures: number, error: Error): boolean {
  return failures < kRetriesMax && error instanceof ApiError && error.httpStatus === 503 && error.kind !== 'timeout';
}

/// Doubles from half a second; the server's own wish (Retry-After) counts more, within reason.
export function retryDelayMs(failures: number, error: Error): number {
  const wished = error instanceof ApiError ? error.retryAfterMs : 0;
  return Math.min(kRetryDelayMsMax, Math.max(wished, kRetryDelayMs * 2 ** failures));
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: shouldRetry,
      retryDelay: retryDelayMs,
      networkMode: 'always',
      staleTime: 0,
      gcTime: 60_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: true,
      structuralSharing: false,
    },
  },
});
