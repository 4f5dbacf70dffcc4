// Ties the client's observers to components.

import { hashKey, QueriesObserver, type QueryObserverOptions, type QueryObserverResult } from '@tanstack/query-core';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { queryClient } from './client';

export type Remote<T> = QueryObserverResult<T, Error>;
export type RemoteOptions<T> = Pick<QueryObserverOptions<T, Error>, 'enabled' | 'refetchInterval' | 'staleTime'> & {
  queryKey: readonly unknown[];
  queryFn: (context: { signal: AbortSignal }) => Promise<T>;
};

/// The results of several questions, in their order. What nobody asks for any longer is aborted.
export function useRemotes<T>(list: readonly RemoteOptions<T>[]): Remote<T>[] {
  const options = list as unknown as QueryObserverOptions[];
  const [observer] = useState(() => new QueriesObserver(queryClient, options));
  const [, redraw] = useState({});
  const key = hashKey(list.map((one) => [one.queryKey, one.enabled ?? true, String(one.refetchInterval ?? 0)]));
  useMemo(() => observer.setQueries(options), [observer, key]);
  useEffect(() => {
    redraw({});
    return observer.subscribe(() => redraw({}));
  }, [observer]);
  return observer.getCurrentResult() as Remote<T>[];
}

/// The result of one question; asks again when the key changes.
export function useRemote<T>(options: RemoteOptions<T>): Remote<T> {
  return useRemotes([options])[0] as Remote<T>;
}
