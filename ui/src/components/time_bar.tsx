// The time a page looks at: relative or absolute, back and forth, zoom, refresh, live or paused.

import { useRef, useState } from 'preact/hooks';
import { queryClient } from '../api/client';
import { useKeys } from '../state/keys';
import { isUtc, setUtc } from '../state/taste';
import { formatDuration, formatInstant, kDay, kHour, kMinute, kSecond, parseInstant } from '../state/time';
import { kRangeMsMax, kRangeMsMin, type TimeState } from '../state/url';
import { Icon } from './icon';
import { Menu } from './menu';

interface TimeBarProps {
  time: TimeState;
  liveRefreshMs: number;
  onChange: (time: TimeState) => void;
}

const kRanges: readonly (readonly [number, string])[] = [
  [5 * kMinute, '5 minutes'],
  [15 * kMinute, '15 minutes'],
  [30 * kMinute, '30 minutes'],
  [kHour, '1 hour'],
  [3 * kHour, '3 hours'],
  [6 * kHour, '6 hours'],
  [12 * kHour, '12 hours'],
  [kDay, '1 day'],
  [2 * kDay, '2 days'],
  [7 * kDay, '1 week'],
  [14 * kDay, '2 weeks'],
  [30 * kDay, '30 days'],
];

const kRefreshes = [0, 5 * kSecond, 10 * kSecond, 30 * kSecond, kMinute, 5 * kMinute];

const rangeName = (ms: number): string => kRanges.find(([range]) => range === ms)?.[1] ?? formatDuration(ms);

export const clampRange = (ms: number): number => Math.round(Math.min(kRangeMsMax, Math.max(kRangeMsMin, ms)));

/// The same middle, twice the range; a live window stays live.
export function zoomOut(time: TimeState): TimeState {
  const rangeMs = clampRange(time.rangeMs * 2);
  if (time.endMs === null) return { ...time, rangeMs };
  return { ...time, rangeMs, endMs: Math.min(Date.now(), Math.round(time.endMs + (rangeMs - time.rangeMs) / 2)) };
}

export function zoomTo(time: TimeState, startMs: number, endMs: number): TimeState {
  const end = Math.round(endMs / kSecond) * kSecond;
  return { ...time, endMs: end, rangeMs: clampRange(Math.round((end - startMs) / kSecond) * kSecond), refreshMs: 0 };
}

function shift(time: TimeState, direction: number, liveRefreshMs: number): TimeState {
  const endMs = Math.round(((time.endMs ?? Date.now()) + (direction * time.rangeMs) / 2) / kSecond) * kSecond;
  if (endMs >= Date.now()) return { ...time, endMs: null, refreshMs: liveRefreshMs };
  return { ...time, endMs, refreshMs: 0 };
}

export const refreshAll = (): void => {
  void queryClient.refetchQueries({ type: 'active' });
};

export function TimeBar({ time, liveRefreshMs, onChange }: TimeBarProps) {
  const button = useRef<HTMLButtonElement>(null);
  const utc = isUtc.value;
  const isLive = time.endMs === null;
  const togglePause = (): void =>
    onChange(
      isLive
        ? { ...time, endMs: Math.floor(Date.now() / kSecond) * kSecond, refreshMs: 0 }
        : { ...time, endMs: null, refreshMs: liveRefreshMs },
    );
  useKeys({
    t: () => button.current?.click(),
    '[': () => onChange(shift(time, -1, liveRefreshMs)),
    ']': () => onChange(shift(time, 1, liveRefreshMs)),
    z: () => onChange(zoomOut(time)),
    r: refreshAll,
    p: togglePause,
  });
  const label =
    time.endMs === null
      ? `Last ${rangeName(time.rangeMs)}`
      : `${formatInstant(time.endMs - time.rangeMs, utc)} – ${formatInstant(time.endMs, utc)}`;
  return (
    <fieldset class="time-bar" aria-label="Time">
      <div class="joined">
        <button type="button" title="Back by half ([)" onClick={() => onChange(shift(time, -1, liveRefreshMs))}>
          <Icon name="left" label="Back in time" />
        </button>
        <Menu name={`Time: ${label}`} buttonRef={button} align="right" label={<span class="time-label">{label}</span>}>
          {(close) => <TimePanel time={time} liveRefreshMs={liveRefreshMs} onChange={onChange} close={close} />}
        </Menu>
        <button
          type="button"
          title="Forth by half (])"
          disabled={isLive}
          onClick={() => onChange(shift(time, 1, liveRefreshMs))}
        >
          <Icon name="right" label="Forth in time" />
        </button>
        <button type="button" title="Zoom out (z)" onClick={() => onChange(zoomOut(time))}>
          <Icon name="zoomOut" label="Zoom out" />
        </button>
      </div>
      <div class="joined">
        <button type="button" title={isLive ? 'Pause (p)' : 'Live (p)'} onClick={togglePause}>
          <Icon name={isLive ? 'pause' : 'play'} label={isLive ? 'Pause' : 'Live'} />
        </button>
        <button type="button" title="Refresh (r)" onClick={refreshAll}>
          <Icon name="refresh" label="Refresh" />
        </button>
        <select
          aria-label="Refresh every"
          title="Refresh every"
          value={String(time.refreshMs)}
          onChange={(event) => onChange({ ...time, refreshMs: Number(event.currentTarget.value) })}
        >
          {[...new Set([...kRefreshes, time.refreshMs])]
            .sort((a, b) => a - b)
            .map((ms) => (
              <option key={ms} value={String(ms)}>
                {ms === 0 ? 'Off' : formatDuration(ms)}
              </option>
            ))}
        </select>
      </div>
    </fieldset>
  );
}

function TimePanel({ time, liveRefreshMs, onChange, close }: TimeBarProps & { close: () => void }) {
  const utc = isUtc.value;
  const endMs = time.endMs ?? Date.now();
  const [from, setFrom] = useState(formatInstant(Math.floor((endMs - time.rangeMs) / kSecond) * kSecond, utc));
  const [to, setTo] = useState(time.endMs === null ? 'now' : formatInstant(endMs, utc));
  const [error, setError] = useState('');
  const apply = (event: Event): void => {
    event.preventDefault();
    const now = Date.now();
    const start = parseInstant(from, now, utc);
    const end = parseInstant(to, now, utc);
    if (start === null || end === null) {
      const wrong = start === null ? from : to;
      setError(`"${wrong}" is not a time. Write 2026-03-01 14:02:10, now-6h, or Unix seconds.`);
    } else if (end <= start) {
      setError('The end must be after the start.');
    } else {
      const isNow = to.trim() === 'now';
      onChange({ rangeMs: clampRange(end - start), endMs: isNow ? null : end, refreshMs: isNow ? liveRefreshMs : 0 });
      close();
    }
  };
  return (
    <div class="time-panel">
      <ul class="plain-list ranges">
        {kRanges.map(([ms, name]) => (
          <li key={ms}>
            <button
              type="button"
              class="quiet"
              aria-pressed={time.endMs === null && time.rangeMs === ms}
              onClick={() => {
                onChange({ rangeMs: ms, endMs: null, refreshMs: time.refreshMs || liveRefreshMs });
                close();
              }}
            >
              Last {name}
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={apply}>
        <label>
          From
          <input type="text" value={from} spellcheck={false} onInput={(event) => setFrom(event.currentTarget.value)} />
        </label>
        <label>
          To
          <input type="text" value={to} spellcheck={false} onInput={(event) => setTo(event.currentTarget.value)} />
        </label>
        {error && (
          <p class="field-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="primary">
          Apply
        </button>
        <fieldset class="zone" aria-label="Times are shown in">
          <span aria-hidden="true">Zone</span>
          <label>
            <input type="radio" name="zone" checked={!utc} onChange={() => setUtc(false)} /> local
          </label>
          <label>
            <input type="radio" name="zone" checked={utc} onChange={() => setUtc(true)} /> UTC
          </label>
        </fieldset>
      </form>
    </div>
  );
}
