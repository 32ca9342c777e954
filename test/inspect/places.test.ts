import { describe, expect, it } from 'vitest';
import { defaultManifest } from '../../src/backbone/manifest.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { inspect, type Phase } from '../../src/inspect/inspect.js';
import { openNetwork } from '../../src/inspect/network.js';
import { lookedAt, placesOf } from '../../src/inspect/places.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { int } from '../../src/onnx/model.js';
import { weight, written } from './networks.js';

const DEPTH = 5000;

/** A chain that can be cut behind every node. */
function deep(): string {
  const b = new GraphBuilder();
  let x = b.input('x', [1, 3, 4, 4]);
  for (let i = 1; i <= DEPTH; i++) x = b.op('Relu', [x], {}, `relu${i}`);
  b.op('Flatten', [x], { axis: int(1) }, 'flat');
  b.op('Gemm', ['flat', weight(b, [48, 8])], {}, 'features');
  b.output('features');
  return written('deep.onnx', b.model());
}

describe('the places that are looked at', () => {
  it('are all of a network of the usual depth', () => {
    const network = openNetwork(defaultManifest());
    const places = placesOf(network);
    expect(places).toHaveLength(47);
    expect(lookedAt(places, network.model.graph.nodes.length, null)).toEqual(places);
    // As in a network of 1,000 layers with a place at every fifth.
    const many = Array.from({ length: 200 }, (_, i) => `p${i}`);
    expect(lookedAt(many, 1000, null)).toEqual(many);
  });

  it('are spread over a deeper one, first and last among them, in order, with the wanted one', () => {
    const places = Array.from({ length: 100_000 }, (_, i) => `p${i}`);
    const found = lookedAt(places, 100_000, 'p777');
    expect(found).toHaveLength(9);
    expect(found[0]).toBe('p0');
    expect(found.at(-1)).toBe('p99999');
    expect(found).toContain('p777');
    expect(found).toEqual(places.filter((p) => found.includes(p)));
  });
});

describe('a chain of 5,000 layers', () => {
  it('is inspected with a bounded number of nodes built, and that is said', async () => {
    const built: string[] = [];
    const phase: Phase = (_, work) => work(async (text) => void built.push(text));
    const options = { cut: 'relu1234', batch: 4, calibrate: false };
    const r = await inspect(new OrtEngine(), deep(), options, phase);
    expect(r.places).toBe(DEPTH + 1);
    expect(r.layers).toHaveLength(DEPTH + 2);
    expect(built).toHaveLength(r.cuts.length);
    // Of every place there would be 12.5 million.
    expect(r.cuts.reduce((sum, c) => sum + c.crown.layers, 0)).toBeLessThanOrEqual(200_000);
    expect(r.cuts.length).toBeGreaterThanOrEqual(30);
    expect(r.cuts.map((c) => c.tensor)).toContain('relu1234');
    for (const c of r.cuts) {
      const shape = c.tensor === 'flat' ? [48] : [3, 4, 4];
      expect(c).toMatchObject({ trainable: true, obstacle: null, latent: { shape } });
      expect(c.trunk.layers + c.crown.layers).toBe(DEPTH + 2);
    }
  });
});
