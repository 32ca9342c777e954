import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeState, encodeState } from '../../../src/learn/sequence/learner-state.js';
import { errorOf } from '../../error-of.js';
import { spawnTypeScript } from '../../spawn-typescript.js';
import { scratchFolder } from '../../store/scratch.js';
import { digits, hashOf, KEPT_OPTIONS, learnNext, openKept, stateOf } from './kept.js';
import { mean } from './small.js';

const scratch = scratchFolder();
const PROGRAM = fileURLToPath(new URL('./learner-continue.ts', import.meta.url));

const METHODS = ['naive', 'ewc', 'vcl', 'ags-cl', 'er', 'gem', 'a-gem', 'ewc+er', 'den', 'cpg'];

describe('a learner that is kept', () => {
  it.each(METHODS)(
    '%s goes on in a new process with the same bits as without the interruption',
    async (method) => {
      const tasks = digits();
      const learner = await openKept(method);
      for (const next of [0, 1]) await learnNext(learner, tasks, next);
      const file = scratch.path('state');
      writeFileSync(file, stateOf(learner));
      await learnNext(learner, tasks, 2);
      const whole = hashOf(stateOf(learner));
      await learner.close();
      const { line, ended } = spawnTypeScript(PROGRAM, [method, file]);
      expect(await line('state ')).toBe(`state ${whole}`);
      expect(await ended).toBe(0);
    },
  );

  it.each(['ewc', 'ags-cl', 'den', 'cpg'])(
    '%s answers what it answered before it was kept',
    async (method) => {
      const tasks = digits();
      const learner = await openKept(method);
      for (const next of [0, 1]) await learnNext(learner, tasks, next);
      const other = await openKept(method);
      other.restore(decodeState(stateOf(learner)));
      for (const k of [0, 1]) {
        const { test } = tasks[k]!;
        expect(await other.probabilities(test, k)).toEqual(await learner.probabilities(test, k));
      }
      expect(other.networks()).toEqual(learner.networks());
      await learner.close();
      await other.close();
    },
  );

  it('takes classes in addition, which do not disturb the others', async () => {
    const tasks = digits();
    const small = await openKept('ewc', { ...KEPT_OPTIONS, classes: 4 });
    await learnNext(small, tasks, 0);
    const large = await openKept('ewc');
    large.restore(decodeState(stateOf(small)));
    const { test } = tasks[0]!;
    const [before, after] = [await small.probabilities(test, 0), await large.probabilities(test, 0)];
    const own = (rows: typeof before) =>
      Array.from({ length: rows.count }, (_, i) => rows.data[i * rows.width]);
    expect(mean(own(after).map((p, i) => Math.abs(p! - own(before)[i]!)))).toBeLessThan(1e-6);
    // The third task has its rows now.
    await learnNext(large, tasks, 2);
    expect(large.networks().at(-1)!.classes).toEqual([4, 5]);
    await small.close();
    await large.close();
  });

  it('refuses the state of another network, and one that is cut short', async () => {
    const learner = await openKept('ewc');
    const bytes = stateOf(learner);
    const state = decodeState(bytes);
    const [name, first] = [...state.tensors][0]!;
    const foreign = new Map([
      ...state.tensors,
      [name, { ...first, dims: [1, 1], data: new Float32Array(1) }],
    ]);
    const error = errorOf(() => learner.restore({ ...state, tensors: foreign }));
    expect(error.code).toBe('learner-state-foreign');
    expect(errorOf(() => decodeState(bytes.subarray(0, bytes.length - 1))).code).toBe(
      'learner-state-invalid',
    );
    expect(encodeState(state)).toEqual(bytes);
    await learner.close();
  });
});
