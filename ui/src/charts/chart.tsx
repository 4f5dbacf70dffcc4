// A graph of lines on a time axis: uPlot with our axes, stacking, zoom, keyboard cursor and a sentence that says it.

import { type Signal, signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { isDark, isUtc } from '../state/taste';
import { formatClock, formatInstant, formatTick } from '../state/time';
import { type Frame, gridLength, stackColumns, summarize } from './frame';
import { frameColors, seriesColor, seriesDash } from './palette';
import { type Pointer, pointerOf, Tooltip } from './tooltip';
import { formatValue, type Unit } from './values';

export interface ChartProps {
  title: string;
  frame: Frame;
  /// One per series of the frame.
  names: readonly string[];
  unit?: Unit;
  isStacked?: boolean;
  isZeroBased?: boolean;
  /// Indices of the series to paint; all if absent.
  visible?: ReadonlySet<number> | null;
  heightPx: number;
  /// The column under the cursor, null outside; written here, read by legends.
  cursor: Signal<number | null>;
  /// Names the line nearest to the pointer.
  hasTooltip?: boolean;
  /// Charts of one key share their cursor.
  syncKey?: string;
  onZoom?: (startMs: number, endMs: number) => void;
  onZoomOut?: () => void;
}

const kDragPxMin = 6;

/// The label of a tick at the right end stands in the middle below it: room for half of '14:02:10'.
const kEdgePx = 28;

/// Ticks of bytes stand at powers of two, so that their labels are short.
const kBinaryIncrements = Array.from({ length: 60 }, (_, power) => 2 ** power);

/// Indices without neighbours, which a line alone would not show.
function lonelyPoints(plot: uPlot, seriesIndex: number): number[] | null {
  const column = plot.data[seriesIndex];
  if (!column) return null;
  const found: number[] = [];
  for (let i = 0; i < column.length; i += 1) {
    if (column[i] != null && column[i - 1] == null && column[i + 1] == null) found.push(i);
  }
  return found;
}

function axes(unit: Unit, dark: boolean, utc: boolean): uPlot.Axis[] {
  const { axis, grid } = frameColors(dark);
  const font = '11px system-ui, sans-serif';
  const common = { stroke: axis, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  return [
    {
      ...common,
      size: 24,
      gap: 6,
      space: 70,
      values: (_plot, splits, _axis, _space, increment) =>
        splits.map((s) => formatTick(s * 1000, increment * 1000, utc)),
    },
    {
      ...common,
      space: 32,
      gap: 6,
      ...(unit === 'bytes' || unit === 'bytesPerSecond' ? { incrs: kBinaryIncrements } : {}),
      values: (_plot, splits) => splits.map((value) => formatValue(value, unit)),
      size: (_plot, values) => 16 + 6.1 * Math.max(5, ...(values ?? []).map((text) => text.length)),
    },
  ];
}

function lines(props: ChartProps, dark: boolean): uPlot.Series[] {
  const count = props.frame.series.length;
  const width = count > 60 ? 1 : 1.5;
  return props.names.map((label, index) => {
    const stroke = seriesColor(index, dark);
    const series: uPlot.Series = {
      label,
      stroke,
      width,
      dash: props.isStacked ? [] : seriesDash(index),
      spanGaps: false,
      show: props.visible?.has(index) ?? true,
      points: { show: true, size: 4, fill: stroke, width: 0, filter: lonelyPoints },
    };
    if (props.isStacked && index === 0) series.fill = `${stroke}${dark ? '66' : '55'}`;
    if (!props.isStacked && count === 1) series.fill = `${stroke}1f`;
    return series;
  });
}

function bands(props: ChartProps, dark: boolean): uPlot.Band[] {
  if (!props.isStacked) return [];
  return props.names.slice(1).map((_, i) => ({
    series: [i + 2, i + 1],
    fill: `${seriesColor(i + 1, dark)}${dark ? '66' : '55'}`,
  }));
}

function yRange(isZeroBased: boolean): uPlot.Range.Function {
  return (_plot, min, max) => {
    if (min == null || max == null) return [0, 1];
    if (min === max)
      return isZeroBased || min === 0
        ? [Math.min(0, min), Math.max(min * 1.2, 1)]
        : [min - Math.abs(min) * 0.1, max + Math.abs(max) * 0.1];
    const [low, high] = uPlot.rangeNum(min, max, 0.08, true);
    const floor = isZeroBased || (min >= 0 && (low ?? 0) < 0) ? Math.min(0, min) : (low ?? min);
    return [floor, high];
  };
}

function plotData(props: ChartProps): uPlot.AlignedData {
  const { frame } = props;
  const times = Array.from({ length: gridLength(frame) }, (_, i) => (frame.startMs + i * frame.stepMs) / 1000);
  const columns = frame.series.map(({ column }) => column);
  return [times, ...(props.isStacked ? stackColumns(columns) : columns)];
}

/// '3 series, 12 % to 87 %, highest web-2 at 14:02:10'
export function describe(props: Pick<ChartProps, 'frame' | 'names' | 'unit'>, utc: boolean): string {
  const { frame, names, unit } = props;
  let best = -1;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  frame.series.forEach(({ column }, index) => {
    const summary = summarize(column);
    if (summary.min !== null && summary.min < min) min = summary.min;
    if (summary.max !== null && summary.max > max) {
      max = summary.max;
      best = index;
    }
  });
  const count = `${frame.series.length} series`;
  if (best < 0) return `${count}, no values`;
  const at = frame.startMs + (frame.series[best]?.column.indexOf(max) ?? 0) * frame.stepMs;
  const highest = `highest ${names[best] ?? ''} at ${formatClock(at, utc)}`;
  return `${count}, ${formatValue(min, unit)} to ${formatValue(max, unit)}, ${highest}`;
}

export function Chart(props: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const pointer = useMemo(() => signal<Pointer | null>(null), []);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const dark = isDark.value;
  const utc = isUtc.value;
  const { frame, unit = 'number' } = props;
  const shape = JSON.stringify([props.names, props.isStacked, unit, dark, utc, props.heightPx, props.isZeroBased]);
  const data = useMemo(() => plotData(props), [frame, props.isStacked]);
  const sentence = useMemo(() => describe(props, utc), [frame, shape]);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const options: uPlot.Options = {
      width: Math.max(100, element.clientWidth),
      height: props.heightPx,
      legend: { show: false },
      padding: [8, kEdgePx, 0, 0],
      scales: {
        x: { time: true, range: () => [latest.current.frame.startMs / 1000, latest.current.frame.endMs / 1000] },
        y: { range: yRange(props.isZeroBased ?? props.isStacked ?? false) },
      },
      axes: axes(unit, dark, utc),
      series: [{}, ...lines(props, dark)],
      bands: bands(props, dark),
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false, dist: kDragPxMin },
        points: { size: 6 },
        ...(props.syncKey ? { sync: { key: props.syncKey, setSeries: false } } : {}),
        bind: {
          dblclick: () => () => {
            latest.current.onZoomOut?.();
            return null;
          },
        },
      },
      hooks: {
        setCursor: [
          (self) => {
            latest.current.cursor.value = self.cursor.idx ?? null;
            if (latest.current.hasTooltip) pointer.value = pointerOf(self);
          },
        ],
        setSelect: [
          (self) => {
            const { left, width } = self.select;
            if (width < kDragPxMin) return;
            const startMs = self.posToVal(left, 'x') * 1000;
            const endMs = self.posToVal(left + width, 'x') * 1000;
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            latest.current.onZoom?.(startMs, endMs);
          },
        ],
      },
    };
    const made = new uPlot(options, data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      const width = Math.max(100, element.clientWidth);
      if (width !== made.width) made.setSize({ width, height: props.heightPx });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
      latest.current.cursor.value = null;
    };
  }, [shape]);

  useEffect(() => {
    if (plot.current && plot.current.data !== data) plot.current.setData(data);
  }, [data]);

  useEffect(() => {
    const made = plot.current;
    if (!made) return;
    made.batch(() => {
      props.names.forEach((_, index) => {
        const show = props.visible?.has(index) ?? true;
        if (made.series[index + 1]?.show !== show) made.setSeries(index + 1, { show });
      });
    });
  }, [props.visible, shape]);

  const moveTo = (index: number): void => {
    const made = plot.current;
    const last = gridLength(frame) - 1;
    const time = data[0][Math.min(last, Math.max(0, index))];
    if (made && time !== undefined) made.setCursor({ left: made.valToPos(time, 'x'), top: 10 });
  };
  const at = props.cursor.value;
  const onKeyDown = (event: KeyboardEvent): void => {
    const last = gridLength(frame) - 1;
    const stride = event.shiftKey ? 10 : 1;
    const from = at ?? last;
    const to: Record<string, number> = { ArrowLeft: from - stride, ArrowRight: from + stride, Home: 0, End: last };
    const index = to[event.key];
    if (index === undefined) return;
    event.preventDefault();
    moveTo(index);
  };

  return (
    <div class="chart">
      <div
        class="chart-canvas"
        ref={host}
        role="slider"
        tabIndex={0}
        aria-label={`${props.title}: ${sentence}`}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={gridLength(frame) - 1}
        aria-valuenow={at ?? gridLength(frame) - 1}
        aria-valuetext={spoken(props, at ?? gridLength(frame) - 1, utc)}
        onKeyDown={onKeyDown}
      />
      {props.hasTooltip && <Tooltip frame={frame} names={props.names} unit={unit} pointer={pointer} />}
    </div>
  );
}

/// The values at a column in words, the first few: a screen reader says them while arrows move the cursor.
function spoken({ frame, names, unit }: ChartProps, index: number, utc: boolean): string {
  const time = formatInstant(frame.startMs + index * frame.stepMs, utc);
  const values = frame.series.slice(0, 5).map((one, i) => `${names[i]} ${formatValue(one.column[index], unit)}`);
  return [time, ...values].join(', ');
}
