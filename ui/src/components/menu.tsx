// A button that opens a small panel; Esc, a click elsewhere or leaving it with Tab closes it.

import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface MenuProps {
  label: ComponentChildren;
  name: string;
  buttonRef?: RefObject<HTMLButtonElement>;
  align?: 'left' | 'right';
  children: (close: () => void) => ComponentChildren;
}

export function Menu({ label, name, buttonRef, align = 'left', children }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const ownButton = useRef<HTMLButtonElement>(null);
  const button = buttonRef ?? ownButton;
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!isOpen) return;
    const onPointer = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      event.stopPropagation();
      close();
    };
    addEventListener('pointerdown', onPointer);
    addEventListener('focusin', onPointer);
    addEventListener('keydown', onKey, true);
    return () => {
      removeEventListener('pointerdown', onPointer);
      removeEventListener('focusin', onPointer);
      removeEventListener('keydown', onKey, true);
    };
  }, [isOpen]);
  return (
    <div class="menu" ref={root}>
      <button type="button" ref={button} aria-expanded={isOpen} aria-label={name} onClick={() => setOpen(!isOpen)}>
        {label}
        <span class="caret" aria-hidden="true" />
      </button>
      {isOpen && <div class={`menu-panel menu-${align}`}>{children(close)}</div>}
    </div>
  );
}
