// An error where the result would be: what is wrong, where in the query, and what to do.

import { ApiError } from '../api/client';
import { caretLines, errorPosition } from '../promql/format';

const kTitles: Record<string, string> = {
  bad_data: 'The query cannot be read',
  execution: 'The query failed',
  timeout: 'The query took too long',
  canceled: 'The query was cancelled',
  unavailable: 'The server is not ready',
  network: 'No answer',
  not_found: 'Not there',
};

const kHints: Record<string, string> = {
  timeout: 'Ask for a shorter time or fewer series, or raise the server’s --query.timeout.',
  unavailable: 'It may still be reading its log after a start. This page asks again by itself when you refresh.',
};

export function ErrorBox({ error, query }: { error: Error; query?: string }) {
  const kind = error instanceof ApiError ? error.kind : '';
  const position = query === undefined ? null : errorPosition(error.message);
  const caret = position && query !== undefined ? caretLines(query, position) : null;
  const hint = kHints[kind];
  return (
    <div class="error-box" role="alert">
      <strong>
        {kTitles[kind] ?? 'That did not work'}
        {position && ` at line ${position.line}, column ${position.column}`}
      </strong>
      {caret && (
        <pre class="code">
          {caret.line}
          {'\n'}
          {caret.indent}
          <span class="caret-mark">^</span>
        </pre>
      )}
      <p class="error-text">{error.message}</p>
      {hint && <p>{hint}</p>}
    </div>
  );
}

/// What the server had to say about an answer that it gave.
export function Notes({ warnings, infos }: { warnings: readonly string[]; infos: readonly string[] }) {
  if (warnings.length + infos.length === 0) return null;
  return (
    <ul class="plain-list notes">
      {warnings.map((text) => (
        <li key={text} class="note-warning">
          <strong>Warning</strong> {text}
        </li>
      ))}
      {infos.map((text) => (
        <li key={text} class="note-info">
          <strong>Note</strong> {text}
        </li>
      ))}
    </ul>
  );
}
