// node --import ./test/typescript-loader.mjs file.ts
import * as module from 'node:module';
import { load, resolve } from './typescript-hooks.mjs';

// Node 26 warns of the older way, Node 20 has no newer one.
if (module.registerHooks) module.registerHooks({ resolve, load });
else module.register('./typescript-hooks.mjs', import.meta.url);
