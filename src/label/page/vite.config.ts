import { defineConfig } from 'vite';

/** One script, one style sheet, names by content; nothing inline, so that the server's policy may forbid it. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  publicDir: false,
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: 'es2022',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
  },
});
