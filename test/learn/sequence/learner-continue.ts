import { readFileSync } from 'node:fs';
import { decodeState } from '../../../src/learn/sequence/learner-state.js';
import { digits, hashOf, learnNext, openKept, stateOf } from './kept.js';

/** A process that takes up a kept learner, learns the third task, and prints the hash of what it is then. */
const [method, file] = process.argv.slice(2) as [string, string];
const learner = await openKept(method);
learner.restore(decodeState(readFileSync(file)));
await learnNext(learner, digits(), 2);
console.log(`state ${hashOf(stateOf(learner))}`);
await learner.close();
