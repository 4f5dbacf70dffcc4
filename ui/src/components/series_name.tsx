// A series as text with its parts told apart by weight.

import type { Labels } from '../api/types';

/// `fallback` is what stands where there are no labels at all.
export function SeriesName({ labels, fallback }: { labels: Labels; fallback: string }) {
  const names = Object.keys(labels)
    .filter((name) => name !== '__name__')
    .sort();
  const metric = labels.__name__;
  if (!metric && names.length === 0) return <span class="series-name">{fallback}</span>;
  return (
    <span class="series-name">
      {metric}
      {names.map((name, index) => (
        <span key={name}>
          {(metric || index > 0) && ' '}
          <span class="label-name">{name}=</span>
          {labels[name]}
        </span>
      ))}
    </span>
  );
}
