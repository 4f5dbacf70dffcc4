// The table tab: the value of each series at one instant, however many there are.

import { useEffect, useMemo } from 'preact/hooks';
import { queryClient } from '../api/client';
import { type Remote, useRemotes } from '../api/hooks';
import { type InstantAnswer, instantQuery } from '../api/prometheus';
import type { Answer, HistogramValue, Labels, QueryData } from '../api/types';
import { ErrorBox, Notes } from '../components/error_box';
import { SeriesName } from '../components/series_name';
import { VirtualList } from '../components/virtual_list';
import { letter, splitShared } from '../promql/format';
import { isUtc } from '../state/taste';
import { formatInstant } from '../state/time';
import type { ExploreState } from '../state/url';

const kRowPx = 27;
const kRangePointsMax = 200;

interface Row {
  labels: Labels;
  values: string[];
}

const histogramText = ({ count, sum }: HistogramValue): string => `histogram: count ${count}, sum ${sum}`;

export function toRows(data: QueryData, utc: boolean): Row[] {
  switch (data.resultType) {
    case 'vector':
      return data.result.map(({ metric, value, histogram }) => ({
        labels: metric,
        values: [value ? value[1] : histogram ? histogramText(histogram[1]) : '–'],
      }));
    case 'matrix':
      return data.result.map(({ metric, values = [], histograms = [] }) => {
        const all = [
          ...values.map(([seconds, text]) => `${text} @ ${formatInstant(seconds * 1000, utc)}`),
          ...histograms.map(([seconds, value]) => `${histogramText(value)} @ ${formatInstant(seconds * 1000, utc)}`),
        ];
        const left = all.length - kRangePointsMax;
        return { labels: metric, values: left > 0 ? [`… ${left} earlier ones`, ...all.slice(left)] : all };
      });
    default:
      return [{ labels: {}, values: [data.result[1]] }];
  }
}

export function ExploreTable({ state, round }: { state: ExploreState; round: number }) {
  const remotes = useRemotes(state.queries.map((expr) => instantQuery(expr, state.endMs, state.refreshMs)));
  useEffect(() => {
    if (round > 0) for (const remote of remotes) void remote.refetch();
  }, [round]);
  return (
    <div class="result" aria-busy={remotes.some((remote) => remote.isFetching)}>
      {remotes.map((remote, index) =>
        state.queries[index] ? (
          <Result key={letter(index)} remote={remote} query={state.queries[index]} isOnly={remotes.length === 1} />
        ) : null,
      )}
    </div>
  );
}

function Result({ remote, query, isOnly }: { remote: Remote<Answer<InstantAnswer>>; query: string; isOnly: boolean }) {
  const utc = isUtc.value;
  const answer = remote.data;
  const rows = useMemo(() => (answer ? toRows(answer.data.data, utc) : []), [answer, utc]);
  const { shared, own } = useMemo(() => splitShared(rows.map(({ labels }) => labels)), [rows]);
  const hasShared = Object.keys(shared).length > 0;
  return (
    <section class="panel-plain">
      {!isOnly && <h2 class="series-name">{query}</h2>}
      {remote.error && <ErrorBox error={remote.error} query={query} />}
      {answer && !remote.error && <Notes warnings={answer.warnings} infos={answer.infos} />}
      <p class="facts-line" role="status">
        {answer && !remote.error && (
          <>
            <span>{rows.length.toLocaleString('en')} series</span>
            <span>at {formatInstant(answer.data.timeMs, utc)}</span>
            <span>{Math.round(answer.tookMs)} ms</span>
          </>
        )}
        {remote.isFetching && (
          <>
            <span>Loading…</span>
            <button type="button" onClick={() => void queryClient.cancelQueries({ queryKey: ['instant'] })}>
              Cancel
            </button>
          </>
        )}
      </p>
      {answer && !remote.error && hasShared && (
        <p class="shared">
          All series: <SeriesName labels={shared} fallback="" />
        </p>
      )}
      {answer && !remote.error && rows.length === 0 && (
        <p class="empty">The result is empty: no series matches at this time.</p>
      )}
      {!remote.error && rows.length > 0 && (
        <VirtualList
          count={rows.length}
          estimatePx={(index) => Math.max(1, rows[index]?.values.length ?? 1) * kRowPx}
          label={`Values of ${query}`}
          row={(index) => (
            <div class="value-row">
              <SeriesName labels={own[index] ?? {}} fallback={query} />
              <span class="number">
                {rows[index]?.values.map((value) => (
                  <div key={value}>{value}</div>
                ))}
              </span>
            </div>
          )}
        />
      )}
    </section>
  );
}
