// The legend of a graph: what all series share is said once by the caller, each row has its own labels and numbers.

import type { ReadonlySignal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import type { Labels } from '../api/types';
import { type Frame, type Summary, summarize } from '../charts/frame';
import { seriesColor } from '../charts/palette';
import { formatValue } from '../charts/values';
import { isDark, isUtc } from '../state/taste';
import { formatClock } from '../state/time';
import { SeriesName } from './series_name';

type Column = 'name' | keyof Summary;

const kColumns: readonly (readonly [Exclude<Column, 'name'>, string])[] = [
  ['last', 'Last'],
  ['min', 'Min'],
  ['max', 'Max'],
  ['mean', 'Mean'],
];

interface LegendProps {
  frame: Frame;
  /// Of each series, the labels that tell it from the others.
  own: readonly Labels[];
  /// Of each series: the letter of its query or '', and what names it where it has no labels.
  letters: readonly string[];
  fallbacks: readonly string[];
  cursor: ReadonlySignal<number | null>;
  visible: ReadonlySet<number> | null;
  setVisible: (visible: ReadonlySet<number> | null) => void;
}

export function Legend({ frame, own, letters, fallbacks, cursor, visible, setVisible }: LegendProps) {
  const [sort, setSort] = useState<{ column: Column; isDown: boolean }>({ column: 'name', isDown: false });
  const summaries = useMemo(() => frame.series.map(({ column }) => summarize(column)), [frame]);
  const order = useMemo(() => {
    const indices = summaries.map((_, index) => index);
    if (sort.column === 'name') return sort.isDown ? indices.reverse() : indices;
    const column = sort.column;
    const value = (index: number): number => summaries[index]?.[column] ?? Number.NEGATIVE_INFINITY;
    return indices.sort((a, b) => (sort.isDown ? value(b) - value(a) : value(a) - value(b)));
  }, [summaries, sort]);
  const at = cursor.value;
  const dark = isDark.value;

  /// A click isolates a series, a second brings all back; with Ctrl or Cmd it toggles one.
  const choose = (index: number, isAdding: boolean): void => {
    if (isAdding) {
      const next = new Set(visible ?? summaries.keys());
      if (!next.delete(index)) next.add(index);
      setVisible(next.size === summaries.length || next.size === 0 ? null : next);
    } else {
      setVisible(visible?.size === 1 && visible.has(index) ? null : new Set([index]));
    }
  };
  const head = (column: Column, title: string) => (
    <th
      key={column}
      scope="col"
      class={column === 'name' ? undefined : 'is-number'}
      aria-sort={sort.column === column ? (sort.isDown ? 'descending' : 'ascending') : undefined}
    >
      <button
        type="button"
        onClick={() => setSort({ column, isDown: sort.column === column ? !sort.isDown : column !== 'name' })}
      >
        {title}
        {sort.column === column && <span aria-hidden="true">{sort.isDown ? ' ↓' : ' ↑'}</span>}
      </button>
    </th>
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section class="scroll" tabIndex={0} aria-label="Series">
      <table class="legend">
        <thead>
          <tr>
            {head('name', 'Series')}
            <th scope="col" class="is-number">
              {at === null ? 'At cursor' : formatClock(frame.startMs + at * frame.stepMs, isUtc.value)}
            </th>
            {kColumns.map(([column, title]) => head(column, title))}
          </tr>
        </thead>
        <tbody>
          {order.map((index) => (
            <tr key={index} class={visible && !visible.has(index) ? 'is-off' : undefined}>
              <td>
                <button
                  type="button"
                  aria-pressed={visible?.has(index) ?? false}
                  title="Show only this one, or all again (Ctrl: one more)"
                  onClick={(event) => choose(index, event.ctrlKey || event.metaKey)}
                >
                  <span class="swatch" style={{ background: seriesColor(index, dark) }} />
                  {letters[index] && <span class="query-letter">{letters[index]} </span>}
                  <SeriesName labels={own[index] ?? {}} fallback={fallbacks[index] ?? ''} />
                </button>
              </td>
              <td class="is-number">{at === null ? '' : formatValue(frame.series[index]?.column[at])}</td>
              {kColumns.map(([column]) => (
                <td key={column} class="is-number">
                  {formatValue(summaries[index]?.[column])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
