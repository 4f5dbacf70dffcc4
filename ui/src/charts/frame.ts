// Columns on a grid of times: what a range query becomes before it is drawn.

import type { Labels, MatrixItem } from '../api/types';
import { readValue } from './values';

/// null is absent: a gap in the line, never a zero.
export type Column = (number | null)[];

export interface Series {
  labels: Labels;
  column: Column;
  /// Which of several queries it answers.
  query?: number;
}

export interface Frame {
  startMs: number;
  endMs: number;
  stepMs: number;
  series: Series[];
  /// Series of native histograms, which a line cannot show.
  histogramCount: number;
}

/// The grid holds both ends when they are multiples of the step.
export const gridLength = (frame: Pick<Frame, 'startMs' | 'endMs' | 'stepMs'>): number =>
  Math.floor((frame.endMs - frame.startMs) / frame.stepMs) + 1;

/// Infinities and NaN cannot be drawn either; tables show them.
export function toFrame(items: readonly MatrixItem[], grid: Pick<Frame, 'startMs' | 'endMs' | 'stepMs'>): Frame {
  const length = gridLength(grid);
  const series: Series[] = [];
  let histogramCount = 0;
  for (const item of items) {
    if (!item.values) {
      histogramCount += item.histograms ? 1 : 0;
      continue;
    }
    const column: Column = new Array(length).fill(null);
    for (const [seconds, text] of item.values) {
      const index = Math.round((seconds * 1000 - grid.startMs) / grid.stepMs);
      const value = readValue(text);
      if (index >= 0 && index < length && Number.isFinite(value)) column[index] = value;
    }
    series.push({ labels: item.metric, column });
  }
  return { ...grid, series, histogramCount };
}

export function lastOf(column: Column): number | null {
  for (let i = column.length - 1; i >= 0; i -= 1) {
    const value = column[i];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

export interface Summary {
  last: number | null;
  min: number | null;
  max: number | null;
  mean: number | null;
}

export function summarize(column: Column): Summary {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let count = 0;
  for (const value of column) {
    if (value === null) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    count += 1;
  }
  if (count === 0) return { last: null, min: null, max: null, mean: null };
  return { last: lastOf(column), min, max, mean: sum / count };
}

/// Puts frames of one step on one grid, which covers them all. Frames of another step are left out by the caller.
export function mergeFrames(frames: readonly Frame[]): Frame | null {
  const [first] = frames;
  if (!first) return null;
  const startMs = Math.min(...frames.map((frame) => frame.startMs));
  const endMs = Math.max(...frames.map((frame) => frame.endMs));
  const grid = { startMs, endMs, stepMs: first.stepMs };
  const length = gridLength(grid);
  const series = frames.flatMap((frame) => {
    const shift = Math.round((frame.startMs - startMs) / first.stepMs);
    if (shift === 0 && gridLength(frame) === length) return frame.series;
    return frame.series.map((one) => {
      const { column } = one;
      const moved: Column = new Array(length).fill(null);
      for (let i = 0; i < column.length; i += 1) if (i + shift < length) moved[i + shift] = column[i] ?? null;
      return { ...one, column: moved };
    });
  });
  return { ...grid, series, histogramCount: frames.reduce((sum, frame) => sum + frame.histogramCount, 0) };
}

/// Running sums, bottom to top. A gap counts as nothing for those above it and stays a gap itself.
export function stackColumns(columns: readonly Column[]): Column[] {
  const sums: number[] = [];
  return columns.map((column) =>
    column.map((value, i) => {
      if (value === null) return null;
      sums[i] = (sums[i] ?? 0) + value;
      return sums[i] ?? null;
    }),
  );
}

/// The `max` series with the greatest last values, in their old order.
export function topByLast(series: readonly Series[], max: number): Series[] {
  if (series.length <= max) return [...series];
  const ranked = series.map((one, index) => ({ index, last: lastOf(one.column) ?? Number.NEGATIVE_INFINITY }));
  ranked.sort((a, b) => b.last - a.last || a.index - b.index);
  const kept = new Set(ranked.slice(0, max).map(({ index }) => index));
  return series.filter((_, index) => kept.has(index));
}
