// What this machine does right now: four live graphs over one strip of numbers, each a click away from its query.

import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { type Remote, useRemote, useRemotes } from '../api/hooks';
import { instantQuery, rangeQuery, targetsQuery } from '../api/prometheus';
import type { Answer } from '../api/types';
import { Chart } from '../charts/chart';
import { type Frame, mergeFrames, type Series, summarize } from '../charts/frame';
import { seriesColor } from '../charts/palette';
import { formatValue, readValue, type Unit } from '../charts/values';
import { ErrorBox } from '../components/error_box';
import { TimeBar, zoomOut, zoomTo } from '../components/time_bar';
import { shortName, splitShared } from '../promql/format';
import { pagePath } from '../state/page';
import { isDark, isUtc } from '../state/taste';
import { effectiveStep, formatClock, formatDuration, kHour, kMinute, kSecond } from '../state/time';
import {
  kExploreTime,
  kOverviewTime,
  parseTimeState,
  type TimeState,
  writeExplore,
  writeTimeState,
} from '../state/url';

interface PanelQuery {
  expr: string;
  /// The name of the only series; without it the labels name them.
  name?: string;
}

interface PanelSpec {
  title: string;
  unit: Unit;
  isStacked: boolean;
  order?: (frame: Frame) => Frame;
  queries: readonly PanelQuery[];
}

const kJob = 'job="node"';
const kDisks = `${kJob}, device!~"(loop|ram|zram|sr|fd|dm-|md)[0-9]+"`;
const kLinks = `${kJob}, device!~"lo|veth.*|docker.*|br-.*|cali.*|flannel.*"`;

const kPanels: readonly PanelSpec[] = [
  {
    title: 'CPU by mode',
    unit: 'percent',
    isStacked: true,
    order: byMode,
    queries: [{ expr: `100 * avg by (mode) (rate(node_cpu_seconds_total{${kJob}, mode!="idle"}[30s]))` }],
  },
  {
    title: 'Memory',
    unit: 'bytes',
    isStacked: true,
    queries: [
      { name: 'used', expr: `sum(node_memory_MemTotal_bytes{${kJob}}) - sum(node_memory_MemAvailable_bytes{${kJob}})` },
      {
        name: 'reclaimable',
        expr: `sum(node_memory_MemAvailable_bytes{${kJob}}) - sum(node_memory_MemFree_bytes{${kJob}})`,
      },
      { name: 'free', expr: `sum(node_memory_MemFree_bytes{${kJob}})` },
    ],
  },
  {
    title: 'Disk throughput',
    unit: 'bytesPerSecond',
    isStacked: false,
    queries: [
      { name: 'read', expr: `sum(rate(node_disk_read_bytes_total{${kDisks}}[30s]))` },
      { name: 'written', expr: `sum(rate(node_disk_written_bytes_total{${kDisks}}[30s]))` },
    ],
  },
  {
    title: 'Network throughput',
    unit: 'bytesPerSecond',
    isStacked: false,
    queries: [
      { name: 'received', expr: `sum(rate(node_network_receive_bytes_total{${kLinks}}[30s]))` },
      { name: 'sent', expr: `sum(rate(node_network_transmit_bytes_total{${kLinks}}[30s]))` },
    ],
  },
];

const kPoints = 180;
/// Two rows of graphs fill a window, within reason.
const kRestPx = 400;
const kHeightPx = Math.round(Math.min(320, Math.max(170, (window.innerHeight - kRestPx) / 2)));

/// Work first, waiting last; what is not named here comes behind.
const kModes = ['user', 'system', 'nice', 'iowait', 'irq', 'softirq', 'steal'];

function byMode(frame: Frame): Frame {
  const rank = ({ labels }: Series): number =>
    (kModes.indexOf(labels.mode ?? '') + kModes.length + 1) % (kModes.length + 1);
  return { ...frame, series: [...frame.series].sort((a, b) => rank(a) - rank(b)) };
}

interface Fact {
  name: string;
  expr: string;
  unit: Unit;
}

const kFacts: readonly Fact[] = [
  { name: 'CPU', unit: 'percent', expr: `100 * (1 - avg(rate(node_cpu_seconds_total{${kJob}, mode="idle"}[30s])))` },
  { name: 'Load, 1 min', unit: 'number', expr: `max(node_load1{${kJob}})` },
  {
    name: 'Memory used',
    unit: 'percent',
    expr: `100 * (1 - sum(node_memory_MemAvailable_bytes{${kJob}}) / sum(node_memory_MemTotal_bytes{${kJob}}))`,
  },
  {
    name: 'Fullest file system',
    unit: 'percent',
    expr: `100 * max(1 - node_filesystem_avail_bytes{${kJob}, fstype!~"tmpfs|ramfs|squashfs|overlay"} / node_filesystem_size_bytes{${kJob}, fstype!~"tmpfs|ramfs|squashfs|overlay"})`,
  },
  { name: 'Up for', unit: 'seconds', expr: `max(node_time_seconds{${kJob}} - node_boot_time_seconds{${kJob}})` },
];

export function Overview() {
  const { url, route } = useLocation();
  const time = parseTimeState(new URL(url, location.origin).searchParams, kOverviewTime);
  const setTime = (next: TimeState): void => {
    const search = new URLSearchParams();
    writeTimeState(search, next, kOverviewTime);
    const text = search.toString();
    route(pagePath(text ? `/?${text}` : '/'), time.rangeMs === next.rangeMs && time.endMs === next.endMs);
  };
  useEffect(() => {
    document.title = 'Overview · Barograph';
  }, []);
  return (
    <div class="page">
      <header class="page-head">
        <h1>Overview</h1>
        <TimeBar time={time} liveRefreshMs={kOverviewTime.refreshMs} onChange={setTime} />
      </header>
      <Facts time={time} />
      <div class="panels">
        {kPanels.map((panel) => (
          <Panel key={panel.title} panel={panel} time={time} setTime={setTime} />
        ))}
      </div>
    </div>
  );
}

function factText(text: string | undefined, unit: Unit): string {
  if (text === undefined || unit !== 'seconds') return formatValue(text === undefined ? null : readValue(text), unit);
  const ms = readValue(text) * kSecond;
  return ms > kHour
    ? formatDuration(Math.floor(ms / kMinute) * kMinute)
    : formatDuration(Math.floor(ms / kSecond) * kSecond);
}

function Facts({ time }: { time: TimeState }) {
  const answers = useRemotes(kFacts.map(({ expr }) => instantQuery(expr, time.endMs, time.refreshMs)));
  const targets = useRemote(targetsQuery(time.refreshMs)).data?.data.activeTargets ?? null;
  const up = targets?.filter(({ health }) => health === 'up').length ?? 0;
  const down = targets?.filter(({ health }) => health === 'down').length ?? 0;
  return (
    <dl class="facts">
      {kFacts.map(({ name, unit }, index) => {
        const data = answers[index]?.data?.data.data;
        const text = data?.resultType === 'vector' ? data.result[0]?.value?.[1] : undefined;
        return (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{factText(text, unit)}</dd>
          </div>
        );
      })}
      <div>
        <dt>Targets up</dt>
        <dd class={down ? 'is-bad' : undefined}>
          <a href={pagePath(down ? '/targets?health=down' : '/targets')}>
            {targets ? `${up} of ${targets.length}` : '–'}
            {down > 0 && <span class="fact-note"> {down} down</span>}
          </a>
        </dd>
      </div>
    </dl>
  );
}

/// Frames of the last complete round: while a new one loads, the old picture stays.
function useFrames(remotes: Remote<Answer<Frame>>[], stepMs: number): Frame[] | null {
  const kept = useRef<Frame[] | null>(null);
  const frames = remotes.map((remote) => remote.data?.data);
  const complete = frames.every((frame) => frame?.stepMs === stepMs);
  const previous = kept.current;
  const isSame = previous && frames.every((frame, i) => frame === previous[i]);
  if (complete && !isSame) kept.current = frames as Frame[];
  return kept.current;
}

function Panel({ panel, time, setTime }: { panel: PanelSpec; time: TimeState; setTime: (time: TimeState) => void }) {
  const stepMs = Math.max(5 * kSecond, effectiveStep(time.rangeMs, null, kPoints));
  const remotes = useRemotes(
    panel.queries.map(({ expr }) =>
      rangeQuery({ expr, rangeMs: time.rangeMs, endMs: time.endMs, stepMs }, time.refreshMs),
    ),
  );
  const answers = useFrames(remotes, stepMs);
  const frames = useMemo(() => answers?.map(panel.order ?? ((one) => one)) ?? null, [answers]);
  const cursor = useMemo(() => signal<number | null>(null), []);
  const frame = useMemo(() => (frames ? mergeFrames(frames) : null), [frames]);
  const names = useMemo(
    () => (frames ? frames.flatMap((one, i) => namesOf(one, panel.queries[i]?.name)) : []),
    [frames],
  );
  const error = remotes.find((remote) => remote.error)?.error;
  const explore = pagePath(
    writeExplore({
      ...kExploreTime,
      rangeMs: time.rangeMs,
      endMs: time.endMs,
      queries: panel.queries.map(({ expr }) => expr),
      tab: 'graph',
      stepMs: null,
      isStacked: panel.isStacked,
    }),
  );
  const heading = `panel-${panel.title.toLowerCase().replaceAll(' ', '-')}`;
  return (
    <section class="panel" aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{panel.title}</h2>
        <a class="panel-link" href={explore} aria-label={`Explore ${panel.title}`}>
          Explore
        </a>
      </header>
      {error ? (
        <ErrorBox error={error} />
      ) : frame && frame.series.length > 0 ? (
        <>
          <Chart
            title={panel.title}
            frame={frame}
            names={names}
            unit={panel.unit}
            isStacked={panel.isStacked}
            isZeroBased
            heightPx={kHeightPx}
            cursor={cursor}
            syncKey="overview"
            onZoom={(startMs, endMs) => setTime(zoomTo(time, startMs, endMs))}
            onZoomOut={() => setTime(zoomOut(time))}
          />
          <MiniLegend frame={frame} names={names} unit={panel.unit} cursor={cursor} />
        </>
      ) : (
        <p class="empty" style={{ minHeight: `${kHeightPx}px` }}>
          {frame
            ? 'No data in this time. Is a job named “node” scraped, and for longer than a few seconds?'
            : 'Loading…'}
        </p>
      )}
    </section>
  );
}

function namesOf(frame: Frame, name: string | undefined): string[] {
  const { own } = splitShared(frame.series.map(({ labels }) => labels));
  return own.map((labels) => (name && own.length === 1 ? name : shortName(labels, name ?? 'value')));
}

interface MiniLegendProps {
  frame: Frame;
  names: readonly string[];
  unit: Unit;
  cursor: { value: number | null };
}

/// Names with the value under the cursor, or the last one.
function MiniLegend({ frame, names, unit, cursor }: MiniLegendProps) {
  const at = cursor.value;
  const dark = isDark.value;
  return (
    <div class="mini-legend">
      <span class="mini-time">
        {at === null ? 'last' : formatClock(frame.startMs + at * frame.stepMs, isUtc.value)}
      </span>
      <ul class="plain-list">
        {frame.series.map((series, index) => (
          <li key={names[index]}>
            <span class="swatch" style={{ background: seriesColor(index, dark) }} />
            {names[index]}{' '}
            <span class="number">
              {formatValue(at === null ? summarize(series.column).last : series.column[at], unit)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
