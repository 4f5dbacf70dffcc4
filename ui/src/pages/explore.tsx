// What does this metric do? Several queries in one graph or table; the URL holds all of it.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { Icon } from '../components/icon';
import { QueryField } from '../components/query_field';
import { TimeBar } from '../components/time_bar';
import { letter } from '../promql/format';
import { useKeys } from '../state/keys';
import { pagePath } from '../state/page';
import { formatDuration, kSecond, parseDuration } from '../state/time';
import { type ExploreState, kQueriesMax, parseExplore, type Tab, writeExplore } from '../state/url';
import { ExploreGraph } from './explore_graph';
import { ExploreTable } from './explore_table';

const kLiveRefreshMs = 15 * kSecond;
const kTabs: readonly (readonly [Tab, string])[] = [
  ['graph', 'Graph'],
  ['table', 'Table'],
];

export function Explore() {
  const { url, route } = useLocation();
  const state = useMemo(() => parseExplore(new URL(url, location.origin).searchParams), [url]);
  const committed = state.queries.length > 0 ? state.queries : [''];
  const [{ texts: drafts, revision }, setEdited] = useState({ texts: committed, revision: 0 });
  const setDrafts = (texts: string[]): void => setEdited((old) => ({ texts, revision: old.revision + 1 }));
  // What is being written survives a change of time or tab.
  useEffect(() => setDrafts(committed), [committed.join('\0')]);
  useEffect(() => {
    const first = state.queries.find((query) => query.trim() !== '');
    document.title = first ? `${first.slice(0, 80)} · Barograph` : 'Explore · Barograph';
  }, [state]);

  const go = (patch: Partial<ExploreState>, isReplacing = false): void =>
    route(pagePath(writeExplore({ ...state, ...patch })), isReplacing);
  const run = (texts: readonly string[] = drafts): void => {
    const queries = texts.map((text) => text.trim());
    if (queries.join('\0') === state.queries.join('\0')) setRound(round + 1);
    else go({ queries });
  };
  /// Running the same query again asks again; the results watch this number.
  const [round, setRound] = useState(0);
  const setDraft = (index: number, text: string): void =>
    setEdited(({ texts, ...rest }) => ({ ...rest, texts: texts.map((one, i) => (i === index ? text : one)) }));
  const remove = (index: number): void => {
    const rest = drafts.filter((_, i) => i !== index);
    setDrafts(rest.length > 0 ? rest : ['']);
    run(rest);
  };
  useKeys({
    '/': () => document.querySelector<HTMLElement>('.query-field :is(textarea:not([hidden]), .cm-content)')?.focus(),
    'Alt+T': () => go({ tab: state.tab === 'graph' ? 'table' : 'graph' }),
  });
  const hasQuery = state.queries.some((query) => query !== '');

  return (
    <div class="page">
      <header class="page-head">
        <h1>Explore</h1>
        <TimeBar time={state} liveRefreshMs={state.refreshMs || kLiveRefreshMs} onChange={(time) => go(time)} />
      </header>
      <div class="queries">
        {drafts.map((text, index) => (
          <div class="query-row" key={`${index} of ${drafts.length}`}>
            <span class="query-letter" aria-hidden="true">
              {letter(index)}
            </span>
            <QueryField
              text={text}
              revision={revision}
              label={`Query ${letter(index)}`}
              autoFocus={index === 0 && !hasQuery}
              onChange={(changed) => setDraft(index, changed)}
              onRun={() => run()}
            />
            <button
              type="button"
              title="Remove this query"
              disabled={drafts.length === 1 && text === ''}
              onClick={() => remove(index)}
            >
              <Icon name="close" label={`Remove query ${letter(index)}`} />
            </button>
          </div>
        ))}
      </div>
      <div class="toolbar">
        <button type="button" class="primary" onClick={() => run()}>
          Run
        </button>
        <button type="button" disabled={drafts.length >= kQueriesMax} onClick={() => setDrafts([...drafts, ''])}>
          <Icon name="add" />
          Add query
        </button>
        <div class="tabs" role="tablist" aria-label="Result as">
          {kTabs.map(([tab, title]) => (
            <button
              key={tab}
              type="button"
              role="tab"
              id={`tab-${tab}`}
              aria-controls="result"
              aria-selected={state.tab === tab}
              onClick={() => go({ tab })}
            >
              {title}
            </button>
          ))}
        </div>
        {state.tab === 'graph' && (
          <div class="toolbar end">
            <label>
              <input
                type="checkbox"
                checked={state.isStacked}
                onChange={(event) => go({ isStacked: event.currentTarget.checked })}
              />
              Stacked
            </label>
            <StepField stepMs={state.stepMs} onChange={(stepMs) => go({ stepMs })} />
          </div>
        )}
      </div>
      <div id="result" role="tabpanel" aria-labelledby={`tab-${state.tab}`}>
        {!hasQuery ? (
          <p class="empty result">
            Write a query and press Enter. Completion knows the metrics, labels and functions of this server.
          </p>
        ) : state.tab === 'graph' ? (
          <ExploreGraph state={state} round={round} onTime={(time) => go(time)} />
        ) : (
          <ExploreTable state={state} round={round} />
        )}
      </div>
    </div>
  );
}

function StepField({ stepMs, onChange }: { stepMs: number | null; onChange: (stepMs: number | null) => void }) {
  const shown = stepMs === null ? '' : formatDuration(stepMs);
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  const isWrong = text.trim() !== '' && parseDuration(text) === null;
  return (
    <label>
      Step
      <input
        type="text"
        placeholder="auto"
        value={text}
        aria-invalid={isWrong}
        title={isWrong ? 'Write 15s, 1m or 1h30m' : 'The distance between points; empty lets the page choose'}
        onInput={(event) => setText(event.currentTarget.value)}
        onChange={() => {
          if (!isWrong) onChange(parseDuration(text));
        }}
      />
    </label>
  );
}
