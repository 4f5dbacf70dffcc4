// The server itself: build, runtime, what its storage holds, flags, configuration.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Remote, type RemoteOptions, useRemote } from '../api/hooks';
import { buildInfo, configStatus, flagsStatus, runtimeInfo, storageStatus, tsdbStatus } from '../api/prometheus';
import type { Answer, NameValue, StorageStatus, TsdbStatus } from '../api/types';
import { formatValue } from '../charts/values';
import { ErrorBox } from '../components/error_box';
import { refreshAll } from '../components/time_bar';
import { useKeys } from '../state/keys';
import { isUtc } from '../state/taste';
import { formatInstant } from '../state/time';

type Scalar = string | number | boolean | null;

const kTsdbTables: readonly (readonly [Exclude<keyof TsdbStatus, 'headStats'>, string, string, boolean])[] = [
  ['seriesCountByMetricName', 'Series by metric', 'Metric', false],
  ['labelValueCountByLabelName', 'Values by label', 'Label', false],
  ['seriesCountByLabelValuePair', 'Series by label and value', 'Pair', false],
  ['memoryInBytesByLabelName', 'Memory by label', 'Label', true],
  ['memoryInBytesByPart', 'Memory of the head by part', 'Part', true],
];

/// 'goroutineCount' and 'reloadConfigSuccess' as words.
export const words = (name: string): string =>
  name
    .replace(/_/g, ' ')
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/\b(TSDB|GOGC|GOMAXPROCS|CWD|ID)\b|[A-Z][a-z]/g, (word, acronym) => (acronym ? word : word.toLowerCase()))
    .replace(/^./, (first) => first.toUpperCase());

function valueText(name: string, value: Scalar, utc: boolean): string {
  if (typeof value === 'number' && /^(min|max)Time$/.test(name)) {
    return Math.abs(value) < 8.64e15 && value > 0 ? formatInstant(value, utc) : '–';
  }
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) return formatInstant(Date.parse(value), utc);
  if (typeof value === 'number' && /Bytes(PerSeries)?$/.test(name)) return formatValue(value, 'bytes');
  if (typeof value === 'number') return value.toLocaleString('en');
  return value === '' || value === null ? '–' : String(value);
}

export function StatusPage() {
  useKeys({ r: refreshAll });
  useEffect(() => {
    document.title = 'Status · Barograph';
  }, []);
  const tsdb = useRemote(tsdbStatus());
  return (
    <div class="page">
      <header class="page-head">
        <h1>Status</h1>
      </header>
      <div class="status-grid">
        <Facts title="Build" options={buildInfo()} />
        <Facts title="Runtime" options={runtimeInfo()} />
        <Storage />
        <Panel title="Storage head" remote={tsdb}>
          {(data) => <Pairs pairs={Object.entries(data.headStats ?? {})} />}
        </Panel>
        {kTsdbTables.map(
          ([key, title, column, isBytes]) =>
            tsdb.data?.data[key] && (
              <Panel key={key} title={title} remote={tsdb}>
                {(data) => <Ranking rows={data[key] ?? []} column={column} isBytes={isBytes} />}
              </Panel>
            ),
        )}
      </div>
      <Flags />
      <Config />
    </div>
  );
}

interface PanelProps<T> {
  title: string;
  remote: Remote<Answer<T>>;
  children: (data: T) => ComponentChildren;
}

function Panel<T>({ title, remote, children }: PanelProps<T>) {
  return (
    <section class="panel" aria-label={title}>
      <h2>{title}</h2>
      {remote.error ? (
        <ErrorBox error={remote.error} />
      ) : remote.data ? (
        children(remote.data.data)
      ) : (
        <p class="empty">Loading…</p>
      )}
    </section>
  );
}

function Facts<T extends Record<string, Scalar>>({
  title,
  options,
}: {
  title: string;
  options: RemoteOptions<Answer<T>>;
}) {
  const remote = useRemote(options);
  return (
    <Panel title={title} remote={remote}>
      {(data) => <Pairs pairs={Object.entries(data)} />}
    </Panel>
  );
}

const kStateTexts: Record<StorageStatus['state'], string> = {
  ok: 'Ok',
  'disk-low': 'Disk low: less than a twentieth is free',
  'read-only': 'Read-only: the log cannot be written',
};

/// What an operator asks first: does it take samples, how much is there, is anything damaged.
function Storage() {
  const remote = useRemote(storageStatus());
  return (
    <Panel title="Storage" remote={remote}>
      {({ state, reason, damage, ...facts }) => (
        <>
          {state === 'ok' ? (
            <p>{kStateTexts[state]}</p>
          ) : (
            <p role="alert">
              {kStateTexts[state]}
              {reason && `: ${reason}`}
            </p>
          )}
          {damage.length > 0 && (
            <div role="alert">
              <p>Damaged; queries that need it say so:</p>
              <ul>
                {damage.map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ul>
            </div>
          )}
          <Pairs pairs={Object.entries(facts)} />
        </>
      )}
    </Panel>
  );
}

function Pairs({ pairs }: { pairs: readonly (readonly [string, Scalar])[] }) {
  const utc = isUtc.value;
  return (
    <table>
      <tbody>
        {pairs.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{words(name)}</th>
            <td>{valueText(name, value, utc)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Ranking({ rows, column, isBytes }: { rows: readonly NameValue[]; column: string; isBytes: boolean }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{column}</th>
          <th scope="col" class="is-number">
            {isBytes ? 'Size' : 'Count'}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, value }) => (
          <tr key={name}>
            <td class="series-name">{name}</td>
            <td class="is-number">{isBytes ? formatValue(value, 'bytes') : value.toLocaleString('en')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Flags() {
  const remote = useRemote(flagsStatus());
  const [text, setText] = useState('');
  return (
    <Panel title="Flags" remote={remote}>
      {(data) => (
        <>
          <input
            type="search"
            class="search"
            aria-label="Search flags"
            placeholder="Search flags"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <table>
            <tbody>
              {Object.entries(data)
                .filter(([name, value]) => `--${name}=${value}`.includes(text.trim()))
                .sort(([a], [b]) => a.localeCompare(b))
                .map(([name, value]) => (
                  <tr key={name}>
                    <th scope="row" class="series-name">
                      --{name}
                    </th>
                    <td class="series-name">{value === '' ? '–' : value}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </>
      )}
    </Panel>
  );
}

function Config() {
  const remote = useRemote(configStatus());
  return (
    <Panel title="Configuration" remote={remote}>
      {(data) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <pre class="yaml code" tabIndex={0}>
          {data.yaml}
        </pre>
      )}
    </Panel>
  );
}
