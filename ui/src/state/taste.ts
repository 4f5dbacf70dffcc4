// Matters of taste, which live in this browser and not in links: theme and time zone.

import { computed, effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Storage can be forbidden; the defaults then hold for this page view.
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

const storedTheme = read('barograph.theme');
export const theme = signal<Theme>(storedTheme === 'light' || storedTheme === 'dark' ? storedTheme : 'system');
export const isUtc = signal(read('barograph.zone') === 'utc');

const systemDark = matchMedia('(prefers-color-scheme: dark)');
const isSystemDark = signal(systemDark.matches);
systemDark.addEventListener('change', (event) => {
  isSystemDark.value = event.matches;
});

export const isDark = computed(() => (theme.value === 'system' ? isSystemDark.value : theme.value === 'dark'));

effect(() => {
  document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light';
});

export function setTheme(value: Theme): void {
  theme.value = value;
  write('barograph.theme', value);
}

export function setUtc(value: boolean): void {
  isUtc.value = value;
  write('barograph.zone', value ? 'utc' : 'local');
}
