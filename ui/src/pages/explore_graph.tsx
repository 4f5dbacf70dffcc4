// The graph tab: all queries on one grid, bounded in what it draws, with the legend below.

import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { queryClient } from '../api/client';
import { type Remote, useRemotes } from '../api/hooks';
import { rangeQuery } from '../api/prometheus';
import type { Answer } from '../api/types';
import { Chart, describe } from '../charts/chart';
import { type Frame, mergeFrames, topByLast } from '../charts/frame';
import { ErrorBox, Notes } from '../components/error_box';
import { Legend } from '../components/legend';
import { SeriesName } from '../components/series_name';
import { zoomOut, zoomTo } from '../components/time_bar';
import { letter, shortName, splitShared } from '../promql/format';
import { isUtc } from '../state/taste';
import { effectiveStep, formatDuration } from '../state/time';
import type { ExploreState, TimeState } from '../state/url';

/// More lines than this neither read well nor draw quickly.
const kSeriesDrawnMax = 200;
const kPoints = 300;
const kHeightPx = 380;

interface ExploreGraphProps {
  state: ExploreState;
  round: number;
  onTime: (time: TimeState) => void;
}

export function ExploreGraph({ state, round, onTime }: ExploreGraphProps) {
  const stepMs = effectiveStep(state.rangeMs, state.stepMs, kPoints);
  const { rangeMs, endMs } = state;
  const remotes = useRemotes(
    state.queries.map((expr) => rangeQuery({ expr, rangeMs, endMs, stepMs }, state.refreshMs)),
  );
  useEffect(() => {
    if (round > 0) for (const remote of remotes) void remote.refetch();
  }, [round]);
  const isFetching = remotes.some((remote) => remote.isFetching);
  const shown = useShown(remotes, state.queries, stepMs);
  const cursor = useMemo(() => signal<number | null>(null), []);
  const [visible, setVisible] = useState<ReadonlySet<number> | null>(null);
  const names = shown?.names ?? [];
  const nameKey = names.join('\0');
  useEffect(() => setVisible(null), [nameKey]);
  const isCancelled = !isFetching && remotes.every((remote) => !remote.data && !remote.error);

  return (
    <div class={isFetching ? 'result is-loading' : 'result'} aria-busy={isFetching}>
      {remotes.map(
        (remote, index) =>
          remote.error && <ErrorBox key={letter(index)} error={remote.error} query={state.queries[index] ?? ''} />,
      )}
      <Notes {...notesOf(remotes)} />
      <Facts remotes={remotes} shown={shown} stepMs={stepMs} isFetching={isFetching} />
      {shown && shown.frame.series.length > 0 && (
        <>
          <Chart
            title={`Graph of ${state.queries.filter(Boolean).join(' and ')}`}
            frame={shown.frame}
            names={names}
            isStacked={state.isStacked}
            visible={visible}
            heightPx={kHeightPx}
            hasTooltip
            cursor={cursor}
            onZoom={(startMs, end) => onTime(zoomTo(state, startMs, end))}
            onZoomOut={() => onTime(zoomOut(state))}
          />
          <p class="hidden">{describe({ frame: shown.frame, names }, isUtc.value)}</p>
          {Object.keys(shown.shared).length > 0 && (
            <p class="shared">
              All series: <SeriesName labels={shown.shared} fallback="" />
            </p>
          )}
          <Legend
            frame={shown.frame}
            own={shown.own}
            letters={shown.letters}
            fallbacks={shown.queryOf}
            cursor={cursor}
            visible={visible}
            setVisible={setVisible}
          />
        </>
      )}
      {shown && shown.frame.series.length === 0 && (
        <p class="empty">
          {shown.frame.histogramCount > 0
            ? 'The result holds native histograms, which a line cannot show. Try histogram_quantile(0.9, …).'
            : `The result is empty: no series has samples at the times of this graph, one each ${formatDuration(stepMs)}. Samples younger than that come with the next run; the table shows them now.`}
        </p>
      )}
      {isCancelled && <p class="empty">Cancelled. Run it again when you like.</p>}
    </div>
  );
}

type Remotes = readonly Remote<Answer<Frame>>[];

function notesOf(remotes: Remotes): { warnings: string[]; infos: string[] } {
  const unique = (lists: (readonly string[] | undefined)[]): string[] => [
    ...new Set(lists.flatMap((list) => list ?? [])),
  ];
  return {
    warnings: unique(remotes.map((remote) => remote.data?.warnings)),
    infos: unique(remotes.map((remote) => remote.data?.infos)),
  };
}

interface Shown {
  frame: Frame;
  total: number;
  shared: Record<string, string>;
  own: Record<string, string>[];
  /// Of each series: its query's letter, '' where there is but one, and its query.
  letters: string[];
  queryOf: string[];
  names: string[];
}

interface Found {
  frame: Frame;
  index: number;
}

const tagged = ({ frame, index }: Found): Frame => ({
  ...frame,
  series: frame.series.map((one) => ({ ...one, query: index })),
});

/// What is drawn: the newest answers, or the last ones of the same queries while new ones are on their way.
function useShown(remotes: Remotes, queries: readonly string[], stepMs: number): Shown | null {
  const kept = useRef<{ key: string; frames: Found[] }>({ key: '', frames: [] });
  const key = queries.join('\0');
  const frames = remotes.flatMap((remote, index) => {
    const frame = remote.error ? undefined : remote.data?.data;
    return frame && frame.stepMs === stepMs ? [{ frame, index }] : [];
  });
  const isWaiting = remotes.some((remote) => remote.isFetching && !remote.data);
  const isStale = isWaiting && kept.current.key === key;
  const current = isStale ? kept.current.frames : frames;
  if (!isStale && frames.length > 0) kept.current = { key, frames: current };
  const identity = useIdentity(current.map(({ frame }) => frame));
  return useMemo(() => {
    const all = mergeFrames(current.map(tagged));
    if (!all) return null;
    const series = topByLast(all.series, kSeriesDrawnMax);
    const split = splitShared(series.map(({ labels }) => labels));
    const isOne = queries.filter((query) => query !== '').length < 2;
    const letters = series.map(({ query = 0 }) => (isOne ? '' : letter(query)));
    const names = split.own.map((own, i) => {
      const name = shortName(own, queries[series[i]?.query ?? 0] ?? '');
      return letters[i] ? `${letters[i]} ${name}` : name;
    });
    return {
      frame: { ...all, series },
      total: all.series.length,
      shared: split.shared,
      own: split.own,
      letters,
      queryOf: series.map(({ query = 0 }) => queries[query] ?? ''),
      names,
    };
  }, [identity, key]);
}

/// The same array as before while its members are the same.
function useIdentity<T>(list: T[]): T[] {
  const kept = useRef(list);
  if (kept.current.length !== list.length || list.some((one, i) => one !== kept.current[i])) kept.current = list;
  return kept.current;
}

interface FactsProps {
  remotes: Remotes;
  shown: Shown | null;
  stepMs: number;
  isFetching: boolean;
}

function Facts({ remotes, shown, stepMs, isFetching }: FactsProps) {
  const tookMs = Math.max(0, ...remotes.map((remote) => remote.data?.tookMs ?? 0));
  const count = shown?.frame.series.length ?? 0;
  return (
    <p class="facts-line" role="status">
      {shown && (
        <>
          <span>
            {count < shown.total
              ? `${count} of ${shown.total.toLocaleString('en')} series shown; top by last value`
              : `${count} series`}
          </span>
          <span>step {formatDuration(stepMs)}</span>
          <span>{Math.round(tookMs)} ms</span>
        </>
      )}
      {isFetching && (
        <>
          <span>Loading…</span>
          <button type="button" onClick={() => void queryClient.cancelQueries({ queryKey: ['range'] })}>
            Cancel
          </button>
        </>
      )}
    </p>
  );
}
