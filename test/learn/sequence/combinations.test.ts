import { describe, expect, it } from 'vitest';
import { COMBINATIONS, combinationOf } from '../../../src/learn/sequence/combinations.js';
import { openMethod } from '../../../src/learn/sequence/methods.js';
import { ENGINE, learnAll, mean, OPTIONS, pairs, smallMlp } from './small.js';

describe('methods of different axes', () => {
  it('are one choice on each axis, in any order', () => {
    expect(combinationOf('er+ewc')).toEqual({ regularization: 'ewc', rehearsal: 'er' });
    expect(combinationOf('piggyback+ewc+er')).toEqual({
      isolation: 'piggyback',
      regularization: 'ewc',
      rehearsal: 'er',
    });
  });

  it('are refused where they do not go together, with the reason', () => {
    for (const [name, why] of [
      ['er+gem', /both choices of one axis \(rehearsal\)/],
      ['ewc+vcl', /one axis \(regularization\)/],
      ['pnn+er', /nothing to hold in place or to rehearse/],
      ['cpg+ewc', /apart/],
      ['naive+er', /a reference/],
      ['vcl+a-gem', /random draws/],
      ['piggyback+vcl', /works on weights/],
    ] as const) {
      expect(() => combinationOf(name)).toThrow(why);
      expect(() => combinationOf(name)).toThrow(/ewc\+er/);
    }
  });

  it('are listed only where they go together', () => {
    for (const name of COMBINATIONS) expect(() => combinationOf(name)).not.toThrow();
    expect(new Set(COMBINATIONS).size).toBe(COMBINATIONS.length);
  });

  it('all learn, and keep more than nothing where a memory is among them', async () => {
    for (const name of COMBINATIONS) {
      const adam = /piggyback|vcl|ags-cl/.test(name);
      const options = { ...OPTIONS, ...(adam && { optimizer: 'adam' as const, rate: 3e-3 }), epochs: 4 };
      const settings = {
        ewc: { lambda: 1 },
        memory: 100,
        memoryEach: 40,
        recall: 20,
        vcl: { pointEpochs: 4, draws: 2 },
      };
      const learner = await openMethod(name, { engine: ENGINE, crown: smallMlp(), options, settings });
      const found = await learnAll(learner, pairs(3, 120));
      // Two of six classes are a third of the right answers; AGS-CL without boundaries of tasks comes to little more.
      expect(mean(found), name).toBeGreaterThan(0.25);
    }
  }, 600_000);
});
