// The query editor: CodeMirror with Prometheus' own language package. A chunk of its own, loaded when a field gets focus.

import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  completionStatus,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, hoverTooltip, keymap, type Tooltip } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import {
  aggregateOpTerms,
  functionIdentifierTerms,
} from '@prometheus-io/codemirror-promql/dist/esm/complete/promql.terms';
import { nonce } from '../state/page';
import { completionClient, metricMetadata } from './completion_client';

export interface EditorOptions {
  parent: HTMLElement;
  text: string;
  label: string;
  onChange: (text: string) => void;
  onRun: () => void;
}

const kTheme = EditorView.theme({
  '&': { fontSize: '13px', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '18px', overflow: 'auto', maxHeight: '240px' },
  '.cm-content': { padding: '6px 0', caretColor: 'var(--text)' },
  '.cm-line': { padding: '0 10px' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': {
    backgroundColor: 'var(--accent-soft)',
    outline: '1px solid var(--line-strong)',
  },
  '.cm-nonmatchingBracket, &.cm-focused .cm-nonmatchingBracket': { backgroundColor: 'var(--bad-soft)' },
  '.cm-tooltip': {
    border: '1px solid var(--line)',
    borderRadius: '6px',
    backgroundColor: 'var(--raised)',
    color: 'var(--text)',
    boxShadow: 'var(--shadow)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '12px', maxHeight: '260px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--accent)',
    color: 'var(--accent-text)',
  },
  '.cm-completionDetail': { color: 'inherit', opacity: '0.75', fontStyle: 'normal' },
  '.cm-completionInfo': { maxWidth: '320px', padding: '6px 10px' },
  '.cm-hover': { maxWidth: '420px', padding: '6px 10px', fontFamily: 'inherit' },
  '.cm-diagnostic': { fontFamily: 'inherit' },
});

const kColors = HighlightStyle.define([
  { tag: tags.name, color: 'var(--syntax-metric)' },
  { tag: tags.labelName, color: 'var(--syntax-label)' },
  { tag: tags.string, color: 'var(--syntax-string)' },
  { tag: tags.number, color: 'var(--syntax-number)' },
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: 'var(--syntax-keyword)' },
  { tag: tags.function(tags.variableName), color: 'var(--syntax-function)' },
  { tag: [tags.operator, tags.arithmeticOperator, tags.compareOperator], color: 'var(--muted)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--bad)' },
]);

interface Explanation {
  title: string;
  text: string;
}

async function explain(word: string): Promise<Explanation | null> {
  const term = [...functionIdentifierTerms, ...aggregateOpTerms].find(({ label }) => label === word);
  if (term) return { title: `${word} · ${term.detail}`, text: term.info };
  const [metadata] = (await metricMetadata())[word] ?? [];
  return metadata ? { title: `${word} · ${metadata.type}`, text: metadata.help } : null;
}

/// What the word under the mouse means: a metric's type and help, or a function's.
const kHover = hoverTooltip(async (view, position): Promise<Tooltip | null> => {
  const line = view.state.doc.lineAt(position);
  for (const match of line.text.matchAll(/[a-zA-Z_:][a-zA-Z0-9_:]*/g)) {
    const start = line.from + match.index;
    const end = start + match[0].length;
    if (position < start || position > end) continue;
    const found = await explain(match[0]).catch(() => null);
    if (!found) return null;
    return {
      pos: start,
      end,
      above: true,
      create: () => {
        const dom = document.createElement('div');
        dom.className = 'cm-hover';
        const title = document.createElement('strong');
        title.textContent = found.title;
        const text = document.createElement('div');
        text.textContent = found.text;
        dom.append(title, text);
        return { dom };
      },
    };
  }
  return null;
});

export function createEditor({ parent, text, label, onChange, onRun }: EditorOptions): EditorView {
  const promql = new PromQLExtension().setComplete({ remote: completionClient, maxMetricsMetadata: 20_000 });
  const run = (view: EditorView): boolean => {
    if (completionStatus(view.state) === 'active') return false; // Enter takes the completion.
    onRun();
    return true;
  };
  const state = EditorState.create({
    doc: text,
    extensions: [
      nonce ? EditorView.cspNonce.of(nonce) : [],
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocapitalize: 'off' }),
      history(),
      bracketMatching(),
      closeBrackets(),
      autocompletion({ icons: false, maxRenderedOptions: 200 }),
      promql.asExtension(),
      syntaxHighlighting(kColors),
      kTheme,
      kHover,
      keymap.of([...completionKeymap]),
      Prec.high(
        keymap.of([
          { key: 'Shift-Enter', run: insertNewlineAndIndent },
          {
            key: 'Mod-Enter',
            run: () => {
              onRun();
              return true;
            },
          },
          {
            key: 'Escape',
            run: (view) => {
              if (completionStatus(view.state) !== null) return false;
              view.contentDOM.blur();
              return true;
            },
          },
        ]),
      ),
      keymap.of([{ key: 'Enter', run }, ...closeBracketsKeymap, ...historyKeymap, ...lintKeymap, ...defaultKeymap]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) onChange(update.state.doc.toString());
      }),
    ],
  });
  return new EditorView({ state, parent });
}

/// Brings the text of the field up to what the URL says.
export function setText(view: EditorView, text: string): void {
  if (view.state.doc.toString() === text) return;
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}
