// What the server wrote into index.html: the path prefix it is reached under and the nonce for styles.

function meta(name: string): string {
  const content = document.querySelector(`meta[name="${name}"]`)?.getAttribute('content') ?? '';
  return content.startsWith('__BARO_') ? '' : content;
}

/// The prefix of all paths, without a slash at its end: '' or '/monitoring'.
export const prefix = meta('baro-prefix').replace(/\/+$/, '');

/// The nonce of this page's Content-Security-Policy; '' if there is none.
export const nonce = meta('baro-nonce');

/// The path of a page of ours, with the prefix: pagePath('/explore').
export const pagePath = (path: string): string => prefix + path;
