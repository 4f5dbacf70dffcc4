// Numbers as text, short enough for axes and legends.

export type Unit = 'number' | 'percent' | 'bytes' | 'bytesPerSecond' | 'seconds';

const kBinary = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
const kLarge = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
const kSmall = ['s', 'ms', 'µs', 'ns'];

function digits(value: number): string {
  const size = Math.abs(value);
  const decimals = size >= 1000 ? 1 : size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(decimals)));
}

function scaled(value: number, base: number, names: readonly string[]): string {
  let index = 0;
  let rest = value;
  while (Math.abs(rest) >= base && index < names.length - 1) {
    rest /= base;
    index += 1;
  }
  const name = names[index] ?? '';
  return `${digits(rest)}${name ? ` ${name}` : ''}`;
}

function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e21) return value.toExponential(2);
  if (size >= 10_000) return scaled(value, 1000, kLarge);
  return size < 1 ? String(Number(value.toPrecision(3))) : digits(value);
}

function formatSeconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 1) {
    const index = Math.min(kSmall.length - 1, Math.ceil(-Math.log10(size) / 3));
    return `${digits(value * 1000 ** index)} ${kSmall[index]}`;
  }
  if (size < 120) return `${digits(value)} s`;
  if (size < 7200) return `${digits(value / 60)} min`;
  if (size < 172_800) return `${digits(value / 3600)} h`;
  return `${digits(value / 86_400)} d`;
}

/// '1.23', '12.4 k', '3.1 GiB', '41 %', '12 ms'. Absent is an en dash; NaN and infinities are named.
export function formatValue(value: number | null | undefined, unit: Unit = 'number'): string {
  if (value === null || value === undefined) return '–';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  switch (unit) {
    case 'percent':
      return `${digits(value)} %`;
    case 'bytes':
      return scaled(value, 1024, kBinary);
    case 'bytesPerSecond':
      return `${scaled(value, 1024, kBinary)}/s`;
    case 'seconds':
      return formatSeconds(value);
    default:
      return formatNumber(value);
  }
}

/// Reads a value of the API: 'NaN', '+Inf' and '-Inf' included.
export function readValue(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY;
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text);
}
