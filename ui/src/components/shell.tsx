// The frame around all pages: name, navigation, theme, help.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { isHelpOpen, kKeyHelp, useKeys } from '../state/keys';
import { pagePath } from '../state/page';
import { setTheme, type Theme, theme } from '../state/taste';
import { Icon, type IconName } from './icon';

const kPages: readonly (readonly [string, string])[] = [
  ['/', 'Overview'],
  ['/explore', 'Explore'],
  ['/targets', 'Targets'],
  ['/status', 'Status'],
];

const kNextTheme: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const kThemeIcon: Record<Theme, IconName> = { system: 'system', light: 'sun', dark: 'moon' };

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" class="mark-ground" />
      <path d="M4 20h5l3-9 5 14 4-11 2 6h5" class="mark-line" />
    </svg>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  const { path, route } = useLocation();
  useKeys({
    '?': () => {
      isHelpOpen.value = true;
    },
    'g h': () => route(pagePath('/')),
    'g e': () => route(pagePath('/explore')),
    'g t': () => route(pagePath('/targets')),
    'g s': () => route(pagePath('/status')),
  });
  const here = path.slice(pagePath('').length) || '/';
  const page = here === '/graph' || here === '/query' ? '/explore' : here;
  return (
    <>
      <a class="skip" href={`${location.pathname}${location.search}#main`} target="_self">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={pagePath('/')}>
          <Mark />
          Barograph
        </a>
        <nav aria-label="Pages">
          {kPages.map(([target, name]) => (
            <a key={target} href={pagePath(target)} aria-current={page === target ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <div class="top-end">
          <button
            type="button"
            class="quiet"
            title={`Theme: ${theme.value}`}
            onClick={() => setTheme(kNextTheme[theme.value])}
          >
            <Icon name={kThemeIcon[theme.value]} label={`Theme: ${theme.value}`} />
          </button>
          <button
            type="button"
            class="quiet"
            title="Keys (?)"
            onClick={() => {
              isHelpOpen.value = true;
            }}
          >
            <Icon name="help" label="Keyboard shortcuts" />
          </button>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <Help />
    </>
  );
}

function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-labelledby="help-title"
      onClose={() => {
        isHelpOpen.value = false;
      }}
    >
      <header>
        <h2 id="help-title">Keys</h2>
        <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
          <Icon name="close" label="Close" />
        </button>
      </header>
      <table>
        <tbody>
          {kKeyHelp.map(([key, meaning]) => (
            <tr key={key}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </dialog>
  );
}
