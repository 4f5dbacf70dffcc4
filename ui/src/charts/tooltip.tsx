// What is under the pointer: the nearest line, its value and the time.

import type { ReadonlySignal } from '@preact/signals';
import type uPlot from 'uplot';
import { isDark, isUtc } from '../state/taste';
import { formatInstant } from '../state/time';
import type { Frame } from './frame';
import { seriesColor } from './palette';
import { formatValue, type Unit } from './values';

export interface Pointer {
  leftPx: number;
  topPx: number;
  isRight: boolean;
  index: number;
  series: number;
}

const kReachPx = 40;

/// The series nearest to the cursor, within reach; null if there is none.
export function pointerOf(plot: uPlot): Pointer | null {
  const { left = -1, top = -1, idx } = plot.cursor;
  if (left < 0 || top < 0 || idx === null || idx === undefined) return null;
  let best = -1;
  let distance = kReachPx;
  for (let i = 1; i < plot.series.length; i += 1) {
    const value = plot.data[i]?.[idx];
    if (value === null || value === undefined || !plot.series[i]?.show) continue;
    const away = Math.abs(plot.valToPos(value, 'y') - top);
    if (away < distance) {
      distance = away;
      best = i;
    }
  }
  if (best < 0) return null;
  const { offsetLeft, offsetTop, clientWidth } = plot.over;
  const isRight = left > clientWidth / 2;
  return { leftPx: offsetLeft + left, topPx: offsetTop + top, isRight, index: idx, series: best - 1 };
}

interface TooltipProps {
  frame: Frame;
  names: readonly string[];
  unit: Unit;
  pointer: ReadonlySignal<Pointer | null>;
}

export function Tooltip({ frame, names, unit, pointer }: TooltipProps) {
  const at = pointer.value;
  if (!at) return null;
  const value = frame.series[at.series]?.column[at.index];
  return (
    <div
      class={at.isRight ? 'tooltip tooltip-left' : 'tooltip'}
      style={{ left: `${at.leftPx}px`, top: `${at.topPx}px` }}
      aria-hidden="true"
    >
      <div class="muted">{formatInstant(frame.startMs + at.index * frame.stepMs, isUtc.value)}</div>
      <span class="swatch" style={{ background: seriesColor(at.series, isDark.value) }} />
      <strong class="number">{formatValue(value, unit)}</strong> <span class="series-name">{names[at.series]}</span>
    </div>
  );
}
