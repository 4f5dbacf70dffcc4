// Are we collecting? Every target by pool, with what went wrong and how long scrapes take.

import { useEffect, useMemo, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { useRemote } from '../api/hooks';
import { targetsQuery } from '../api/prometheus';
import type { ActiveTarget, TargetHealth } from '../api/types';
import { formatValue } from '../charts/values';
import { ErrorBox } from '../components/error_box';
import { SeriesName } from '../components/series_name';
import { refreshAll } from '../components/time_bar';
import { VirtualList } from '../components/virtual_list';
import { useKeys } from '../state/keys';
import { pagePath } from '../state/page';
import { formatAge, kSecond, parseDuration } from '../state/time';

const kRefreshMs = 5 * kSecond;
// A browser on the server's own machine reaches what the server scrapes; others need the name that others see.
const kIsOnServer = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
const kHealths: readonly TargetHealth[] = ['up', 'down', 'unknown'];
const kPoolPx = 44;
const kTargetPx = 50;

interface Filter {
  health: TargetHealth | null;
  text: string;
  pool: string;
}

type Row = { kind: 'pool'; pool: string; up: number; total: number } | { kind: 'target'; target: ActiveTarget };

function parseFilter(search: URLSearchParams): Filter {
  const health = kHealths.find((one) => one === search.get('health')) ?? null;
  return { health, text: search.get('search') ?? '', pool: search.get('pool') ?? '' };
}

function writeFilter({ health, text, pool }: Filter): string {
  const search = new URLSearchParams();
  if (health) search.set('health', health);
  if (pool) search.set('pool', pool);
  if (text) search.set('search', text);
  const query = search.toString();
  return query ? `/targets?${query}` : '/targets';
}

/// Every word must occur somewhere: in the address, a label, or the error.
export function matches(target: ActiveTarget, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const labels = Object.entries(target.labels).map(([name, value]) => `${name}="${value}" ${name}=${value}`);
  const all = [target.scrapePool, target.scrapeUrl, target.lastError, ...labels].join(' ').toLowerCase();
  return words.every((word) => all.includes(word));
}

function toRows(targets: readonly ActiveTarget[]): Row[] {
  const pools = new Map<string, ActiveTarget[]>();
  for (const target of targets) {
    const list = pools.get(target.scrapePool);
    if (list) list.push(target);
    else pools.set(target.scrapePool, [target]);
  }
  return [...pools.entries()]
    .sort(([a], [b]) => a.localeCompare(b))
    .flatMap(([pool, list]): Row[] => [
      { kind: 'pool', pool, up: list.filter(({ health }) => health === 'up').length, total: list.length },
      ...list.map((target): Row => ({ kind: 'target', target })),
    ]);
}

export function TargetsPage() {
  const { url, route } = useLocation();
  const filter = parseFilter(new URL(url, location.origin).searchParams);
  const remote = useRemote(targetsQuery(kRefreshMs));
  const searchField = useRef<HTMLInputElement>(null);
  const all = remote.data?.data.activeTargets ?? [];
  const change = (patch: Partial<Filter>): void => route(pagePath(writeFilter({ ...filter, ...patch })), true);
  useKeys({ '/': () => searchField.current?.focus(), r: refreshAll });
  useEffect(() => {
    document.title = 'Targets · Barograph';
  }, []);
  const pools = useMemo(() => [...new Set(all.map(({ scrapePool }) => scrapePool))].sort(), [all]);
  const found = useMemo(
    () => all.filter((target) => (!filter.pool || target.scrapePool === filter.pool) && matches(target, filter.text)),
    [all, filter.text, filter.pool],
  );
  const rows = useMemo(
    () => toRows(found.filter(({ health }) => !filter.health || health === filter.health)),
    [found, filter.health],
  );
  const counts = (health: TargetHealth | null): number =>
    health ? found.filter((target) => target.health === health).length : found.length;
  const shown = rows.filter(({ kind }) => kind === 'target').length;

  return (
    <div class="page">
      <header class="page-head">
        <h1>Targets</h1>
        <p class="muted" role="status">
          {remote.data ? `${shown.toLocaleString('en')} of ${all.length.toLocaleString('en')} targets` : 'Loading…'}
        </p>
      </header>
      <div class="toolbar">
        <fieldset class="joined" aria-label="Health">
          {[null, ...kHealths].map((health) => (
            <button
              key={health}
              type="button"
              class="filter"
              aria-pressed={filter.health === health}
              onClick={() => change({ health })}
            >
              {health ?? 'all'} {counts(health)}
            </button>
          ))}
        </fieldset>
        <label>
          Pool
          <select value={filter.pool} onChange={(event) => change({ pool: event.currentTarget.value })}>
            <option value="">all</option>
            {pools.map((pool) => (
              <option key={pool} value={pool}>
                {pool}
              </option>
            ))}
          </select>
        </label>
        <input
          type="search"
          class="search"
          ref={searchField}
          aria-label="Search targets"
          placeholder="Search address, labels, errors ( / )"
          value={filter.text}
          onInput={(event) => change({ text: event.currentTarget.value })}
        />
      </div>
      {remote.error && <ErrorBox error={remote.error} />}
      {rows.length > 0 && (
        <div class="result">
          <div class="target-head" aria-hidden="true">
            <span>State</span>
            <span>Address</span>
            <span>Labels</span>
            <span>Scraped</span>
            <span>Took</span>
          </div>
          <VirtualList
            count={rows.length}
            estimatePx={(index) => (rows[index]?.kind === 'pool' ? kPoolPx : kTargetPx)}
            label="Targets by pool"
            row={(index) => <TargetRow row={rows[index]} />}
          />
        </div>
      )}
      {remote.data && rows.length === 0 && (
        <p class="empty result">
          {all.length === 0 ? 'The configuration names no targets.' : 'No target fits the filters.'}
        </p>
      )}
    </div>
  );
}

function TargetRow({ row }: { row: Row | undefined }) {
  if (!row) return null;
  if (row.kind === 'pool') {
    return (
      <div class="pool">
        <h2>{row.pool}</h2>
        <span class={row.up < row.total ? 'is-bad' : 'muted'}>
          {row.up} of {row.total} up
        </span>
      </div>
    );
  }
  const { target } = row;
  const scrapedMs = Date.parse(target.lastScrape);
  return (
    <div class="target">
      <span>
        <span class={`pill pill-${target.health}`}>{target.health}</span>
      </span>
      <a
        href={kIsOnServer ? target.scrapeUrl : (target.globalUrl ?? target.scrapeUrl)}
        target="_blank"
        rel="noreferrer"
      >
        {target.scrapeUrl}
      </a>
      <SeriesName labels={target.labels} fallback="" />
      <span class="number">{scrapedMs > 0 ? `${formatAge(Date.now() - scrapedMs)} ago` : 'never'}</span>
      <Timing target={target} />
      {target.lastError && <span class="target-error">{target.lastError}</span>}
    </div>
  );
}

/// How long the last scrape took, against the time it was given.
function Timing({ target }: { target: ActiveTarget }) {
  const limitMs = parseDuration(target.scrapeTimeout ?? '');
  const share = limitMs ? Math.min(1, (target.lastScrapeDuration * 1000) / limitMs) : 0;
  return (
    <span class="timing">
      <span class="number">
        {formatValue(target.lastScrapeDuration, 'seconds')}
        {target.scrapeInterval && <span class="muted"> every {target.scrapeInterval}</span>}
      </span>
      <span class="timing-track">
        <span class="timing-bar" style={{ width: `${(100 * share).toFixed(1)}%` }} />
      </span>
    </span>
  );
}
