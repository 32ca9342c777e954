// Module hooks that let a child process run the project's TypeScript sources as they are: './x.js' finds './x.ts',
// and esbuild strips the types. import.meta.url stays that of the source file.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

/** @type {import('node:module').ResolveHook} */
export function resolve(specifier, context, next) {
  if (/^\.{1,2}\/.*\.js$/.test(specifier) && context.parentURL?.endsWith('.ts')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return { url: source.href, format: 'module', shortCircuit: true };
  }
  // A process that a source file starts is named by where its compiled form would be.
  if (/^file:.*\.js$/.test(specifier) && !existsSync(new URL(specifier))) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'));
    if (existsSync(source)) return { url: source.href, format: 'module', shortCircuit: true };
  }
  if (/^file:.*\.ts$/.test(specifier)) return { url: specifier, format: 'module', shortCircuit: true };
  return next(specifier, context);
}

/** @type {import('node:module').LoadHook} */
export function load(url, context, next) {
  if (!/^file:.*\.ts$/.test(url)) return next(url, context);
  const file = fileURLToPath(url);
  const { code } = transformSync(readFileSync(file, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcefile: file,
    sourcemap: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
}
