import { describe, expect, it } from 'vitest';
import { defaultManifest } from '../../src/backbone/manifest.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { inspect, type Phase } from '../../src/inspect/inspect.js';
import { suggestCut } from '../../src/inspect/suggest.js';

const quietly: Phase = (_, work) => work(() => {});

describe('a suggested cut', async () => {
  const options = { batch: 2, calibrate: false };
  const { cuts, cut, cutBy } = await inspect(new OrtEngine(), defaultManifest(), options, quietly);

  it('of the default backbone is the one that was chosen by measuring', () => {
    expect({ cut, cutBy }).toEqual({ cut: 'block14.add', cutBy: 'manifest' });
    expect(suggestCut(cuts)).toBe('block14.add');
  });

  it('is one that can be trained', () => {
    const blocked = cuts.map((c) => ({ ...c, trainable: c.tensor !== 'block14.add' }));
    expect(suggestCut(blocked)).toBe('block13.add');
    // All with a crown of a fifth to a half of the weights are blocked: any other will do, the smallest latent first.
    const only = cuts.map((c) => ({ ...c, trainable: ['block6.add', 'block15.project'].includes(c.tensor) }));
    expect(suggestCut(only)).toBe('block6.add');
    // Less than a thirtieth of the work is a classifier: taken only where there is nothing else.
    const idle = cuts.map((c) => ({
      ...c,
      crown: { ...c.crown, flops: c.tensor === 'block14.add' ? 1e6 : c.crown.flops },
    }));
    expect(suggestCut(idle)).toBe('block13.add');
    expect(suggestCut(cuts.filter((c) => c.tensor === 'block15.project'))).toBe('block15.project');
    expect(suggestCut(cuts.map((c) => ({ ...c, trainable: false })))).toBeNull();
    // A head on features needs no crown: no mask, no suggestion.
    expect(suggestCut(cuts.filter((c) => c.mask.weights === 0))).toBeNull();
  });
});
