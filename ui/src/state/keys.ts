// Keyboard shortcuts: pages register what their keys do, one listener finds the newest that wants a key.

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

export type KeyMap = Readonly<Record<string, () => void>>;

/// What `?` shows, in this order.
export const kKeyHelp: readonly (readonly [string, string])[] = [
  ['?', 'these keys'],
  ['/', 'to the search field or the first query'],
  ['g h', 'overview'],
  ['g e', 'explore'],
  ['g t', 'targets'],
  ['g s', 'status'],
  ['t', 'choose the time'],
  ['[  ]', 'back and forth in time'],
  ['z', 'zoom out'],
  ['r', 'refresh'],
  ['p', 'pause, or live again'],
  ['Alt+T', 'graph as a table, and back'],
  ['←  →', 'move along a focused graph'],
  ['Enter', 'run the query (Shift+Enter: new line)'],
  ['Esc', 'close, or leave the field'],
];

export const isHelpOpen = signal(false);

const stack: { current: KeyMap }[] = [];
const kSequenceMs = 1200;
let pendingAtMs = Number.NEGATIVE_INFINITY;

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
}

function nameOf(event: KeyboardEvent): string {
  if (event.altKey) return `Alt+${event.code.replace(/^Key/, '')}`;
  if (performance.now() - pendingAtMs < kSequenceMs) return `g ${event.key}`;
  return event.key;
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey) return;
  if (isTyping(event.target)) {
    if (event.key === 'Escape') (event.target as HTMLElement).blur();
    if (!event.altKey) return;
  }
  if (document.querySelector('dialog[open]')) return;
  const name = nameOf(event);
  if (name === 'g') {
    pendingAtMs = performance.now();
    return;
  }
  pendingAtMs = Number.NEGATIVE_INFINITY;
  const owner = stack.findLast((entry) => name in entry.current);
  if (!owner) return;
  event.preventDefault();
  owner.current[name]?.();
}

addEventListener('keydown', onKeyDown);

/// While the component is there, its keys do what `keys` says.
export function useKeys(keys: KeyMap): void {
  const entry = useRef(keys);
  entry.current = keys;
  useEffect(() => {
    stack.push(entry);
    return () => {
      stack.splice(stack.indexOf(entry), 1);
    };
  }, []);
}
