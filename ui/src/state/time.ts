// Durations, instants and steps: how they are read, written and chosen. All numbers are milliseconds.

export const kSecond = 1000;
export const kMinute = 60 * kSecond;
export const kHour = 60 * kMinute;
export const kDay = 24 * kHour;

const kUnits: readonly (readonly [string, number])[] = [
  ['y', 365 * kDay],
  ['w', 7 * kDay],
  ['d', kDay],
  ['h', kHour],
  ['m', kMinute],
  ['s', kSecond],
  ['ms', 1],
];

const kDuration = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/;

/// Reads Prometheus' durations ('90s', '1h30m', '2w') and plain seconds ('15', '0.5'). null if it is neither or zero.
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Math.round(Number(trimmed) * kSecond) || null;
  const match = kDuration.exec(trimmed);
  if (!match || trimmed === '') return null;
  const total = kUnits.reduce((sum, [, unit], index) => sum + Number(match[index + 1] ?? 0) * unit, 0);
  return total || null;
}

/// Writes a duration as parseDuration reads it: '1h30m'. Years and weeks appear only where they are whole.
export function formatDuration(ms: number): string {
  if (ms <= 0) return '0s';
  for (const [name, unit] of kUnits.slice(0, 2)) if (ms % unit === 0) return `${ms / unit}${name}`;
  let rest = ms;
  let text = '';
  for (const [name, unit] of kUnits.slice(2)) {
    const count = Math.floor(rest / unit);
    if (count > 0) text += `${count}${name}`;
    rest -= count * unit;
  }
  return text;
}

/// Reads an instant: 'now', 'now-6h', Unix seconds, or a date ('2026-03-01', '2026-03-01 14:02', RFC 3339).
/// A date without a zone is taken in UTC if `utc`, else in the browser's zone.
export function parseInstant(text: string, nowMs: number, utc: boolean): number | null {
  const trimmed = text.trim();
  if (trimmed === 'now') return nowMs;
  const relative = /^now\s*-\s*(\S+)$/.exec(trimmed);
  if (relative) {
    const ms = parseDuration(relative[1] ?? '');
    return ms === null ? null : nowMs - ms;
  }
  if (/^\d{9,11}(\.\d+)?$/.test(trimmed)) return Math.round(Number(trimmed) * kSecond);
  const date = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?))?\s*(Z|[+-]\d\d:\d\d)?$/.exec(trimmed);
  if (!date) return null;
  const zone = date[3] ?? (utc ? 'Z' : '');
  const ms = Date.parse(`${date[1]}T${date[2] ?? '00:00'}${zone}`);
  return Number.isNaN(ms) ? null : ms;
}

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

interface Parts {
  date: string;
  time: string;
  millis: number;
}

function parts(ms: number, utc: boolean): Parts {
  const d = new Date(ms);
  return utc
    ? {
        date: `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`,
        time: `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}`,
        millis: d.getUTCMilliseconds(),
      }
    : {
        date: `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`,
        time: `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`,
        millis: d.getMilliseconds(),
      };
}

/// '2026-03-01 14:02:10', with milliseconds where there are any.
export function formatInstant(ms: number, utc: boolean): string {
  const { date, time, millis } = parts(ms, utc);
  return `${date} ${time}${millis ? `.${pad(millis, 3)}` : ''}`;
}

/// '14:02:10'
export const formatClock = (ms: number, utc: boolean): string => parts(ms, utc).time;

/// The label of a tick of a time axis: as short as the distance between ticks allows.
export function formatTick(ms: number, incrementMs: number, utc: boolean): string {
  const { date, time } = parts(ms, utc);
  if (incrementMs >= kDay || time === '00:00:00') return date.slice(5);
  return incrementMs >= kMinute ? time.slice(0, 5) : time;
}

/// '3 s', '12 min', '5 h', '2 d': how long ago, to one unit.
export function formatAge(ms: number): string {
  if (ms < 0) return 'in the future';
  if (ms < 1.5 * kSecond) return `${(ms / kSecond).toFixed(1)} s`;
  if (ms < 2 * kMinute) return `${Math.round(ms / kSecond)} s`;
  if (ms < 2 * kHour) return `${Math.round(ms / kMinute)} min`;
  if (ms < 2 * kDay) return `${Math.round(ms / kHour)} h`;
  return `${Math.round(ms / kDay)} d`;
}

const kNiceSteps = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
].map((seconds) => seconds * kSecond);

/// The server refuses more points per series than this.
export const kPointsMax = 11_000;

/// The step of a graph: about `points` points over the range, rounded up to a readable number.
export function chooseStep(rangeMs: number, points: number): number {
  const wanted = rangeMs / Math.max(1, points);
  const nice = kNiceSteps.find((step) => step >= wanted);
  if (nice !== undefined) return nice;
  const weeks = 7 * kDay;
  return Math.ceil(wanted / weeks) * weeks;
}

/// The step that is asked for: the wish if there is one, but never more points than the server allows.
export function effectiveStep(rangeMs: number, wishMs: number | null, points: number): number {
  if (wishMs === null) return chooseStep(rangeMs, points);
  return rangeMs / wishMs > kPointsMax - 1 ? chooseStep(rangeMs, kPointsMax - 1) : wishMs;
}
