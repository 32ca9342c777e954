// node --import ./test/typescript-loader.mjs file.ts
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
