// Line icons, 16 by 16, in the colour of the text beside them.

const kPaths = {
  left: 'M10 3 5 8l5 5',
  right: 'M6 3l5 5-5 5',
  zoomOut: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5 14 14M5 7h4',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.2v9.6L12.5 8z',
  refresh: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z',
  system: 'M2 3h12v8H2zM6 14h4M8 11v3',
  close: 'M4 4l8 8M12 4l-8 8',
  add: 'M8 3v10M3 8h10',
  chart: 'M2 13h12M3 10l3-4 3 2 4-5',
  help: 'M6 6.2a2 2 0 1 1 2.8 1.8c-.5.3-.8.6-.8 1.3v.2M8 12.2v.1',
} as const;

export type IconName = keyof typeof kPaths;

/// `label` is what a screen reader says; leave it out where the text beside says it.
export function Icon({ name, label }: { name: IconName; label?: string }) {
  return (
    <>
      <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
        <path
          d={kPaths[name]}
          fill="none"
          stroke="currentColor"
          stroke-width="1.5"
          stroke-linecap="round"
          stroke-linejoin="round"
        />
      </svg>
      {label && <span class="hidden">{label}</span>}
    </>
  );
}
