// Builds the interface into dist/, which ui/embed.py turns into a part of the binary. `npm run dev` serves it with hot
// reload and passes API calls on to a running server (BARO_SERVER, http://localhost:9090 by default).

import license from 'rollup-plugin-license';
import { defineConfig, type Plugin } from 'vitest/config';

/// Stands in for the server, which fills these tokens in each time it serves index.html.
function fillTokens(): Plugin {
  return {
    name: 'barograph-fill-tokens',
    apply: 'serve',
    transformIndexHtml: (html) => html.replaceAll('__BARO_PREFIX__', '').replaceAll('__BARO_NONCE__', ''),
  };
}

const server = process.env.BARO_SERVER ?? 'http://localhost:9090';

export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [
    fillTokens(),
    license({
      thirdParty: {
        includeSelf: false,
        output: { file: 'dist/third-party-licences.txt' },
        allow: {
          test: '(MIT OR ISC OR Apache-2.0 OR BSD-3-Clause OR BlueOak-1.0.0)',
          failOnUnlicensed: true,
          failOnViolation: true,
        },
      },
    }) as unknown as Plugin,
  ],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': server, '/metrics': server, '/-/': server } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'] },
});
