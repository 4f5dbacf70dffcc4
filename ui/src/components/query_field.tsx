// The field of a query: plain text at first, the editor as soon as it has been loaded, which focus asks for.

import type { EditorView } from '@codemirror/view';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface QueryFieldProps {
  text: string;
  /// Changes when `text` comes from elsewhere than this field, which then takes it over.
  revision: number;
  label: string;
  autoFocus?: boolean;
  onChange: (text: string) => void;
  onRun: () => void;
}

const loadEditor = () => import('../promql/editor');

export function QueryField({ text, revision, label, autoFocus, onChange, onRun }: QueryFieldProps) {
  const [editorModule, setModule] = useState<Awaited<ReturnType<typeof loadEditor>> | null>(null);
  const host = useRef<HTMLDivElement>(null);
  const plain = useRef<HTMLTextAreaElement>(null);
  const view = useRef<EditorView | null>(null);
  const handlers = useRef({ onChange, onRun, text });
  handlers.current = { onChange, onRun, text };

  const load = (): void => {
    // Where the chunk cannot be had the plain field goes on working.
    if (!editorModule) loadEditor().then(setModule, () => undefined);
  };

  useEffect(() => {
    if (autoFocus) plain.current?.focus();
  }, []);

  // Before the browser paints: the plain field must still have the focus that goes over to the editor.
  useLayoutEffect(() => {
    if (!editorModule || !host.current) return;
    const field = plain.current;
    const hadFocus = field !== null && document.activeElement === field;
    const made = editorModule.createEditor({
      parent: host.current,
      text: handlers.current.text,
      label,
      onChange: (changed) => handlers.current.onChange(changed),
      onRun: () => handlers.current.onRun(),
    });
    if (hadFocus) {
      made.focus();
      made.dispatch({ selection: { anchor: field.selectionStart, head: field.selectionEnd } });
    }
    if (field) field.style.display = 'none';
    view.current = made;
    return () => {
      made.destroy();
      view.current = null;
    };
  }, [editorModule]);

  useEffect(() => {
    if (view.current) editorModule?.setText(view.current, text);
  }, [revision]);

  return (
    <div class="query-field" ref={host}>
      <textarea
        ref={plain}
        rows={1}
        aria-label={label}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        placeholder="PromQL, for example rate(node_cpu_seconds_total[1m])"
        value={text}
        onFocus={load}
        onPointerEnter={load}
        onInput={(event) => onChange(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey) return;
          event.preventDefault();
          onRun();
        }}
      />
    </div>
  );
}
