import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../../src/engine/ort.js';
import { Discriminant } from '../../../src/learn/streaming/discriminant.js';
import { StreamingDiscriminant } from '../../../src/learn/streaming/slda.js';
import { Random } from '../../../src/random.js';

const BLOCKS = [5, 3];
const WIDTH = 8;
const CLASSES = 3;

function samples(count: number, seed: number) {
  const means = new Random(1);
  const centre = Array.from({ length: CLASSES * WIDTH }, () => means.normal());
  const random = new Random(seed);
  const labels = Array.from({ length: count }, (_, i) => i % CLASSES);
  const data = Float32Array.from({ length: count * WIDTH }, (_, i) => {
    const k = i % WIDTH;
    const c = labels[Math.floor(i / WIDTH)]!;
    // The second block has another scale, and neighbours are correlated.
    return (
      (centre[c * WIDTH + k]! + random.normal() + (k % 2 ? 0.7 * random.normal() : 0)) * (k >= 5 ? 20 : 1)
    );
  });
  return { rows: { data, count, width: WIDTH }, labels };
}

/** The textbook formula, by Gauss-Jordan elimination on the scaled covariance. */
function reference(rows: ReturnType<typeof samples>['rows'], labels: number[], shrinkage: number) {
  const n = rows.count;
  const mean = Array.from({ length: CLASSES }, (_, c) =>
    Array.from({ length: WIDTH }, (_, k) => {
      const of = labels.flatMap((l, i) => (l === c ? [rows.data[i * WIDTH + k]!] : []));
      return of.reduce((a, b) => a + b, 0) / of.length;
    }),
  );
  const apart = labels.map((c, i) =>
    Array.from({ length: WIDTH }, (_, k) => rows.data[i * WIDTH + k]! - mean[c]![k]!),
  );
  const scale = Array.from({ length: WIDTH }, (_, k) => {
    const [from, to] = k < 5 ? [0, 5] : [5, 8];
    let v = 0;
    for (const a of apart) for (let j = from; j < to; j++) v += a[j]! ** 2;
    return 1 / Math.sqrt(v / (to - from) / n);
  });
  const cov = Array.from({ length: WIDTH }, (_, i) =>
    Array.from(
      { length: WIDTH },
      (_, j) => apart.reduce((s, a) => s + a[i]! * a[j]! * scale[i]! * scale[j]!, 0) / n,
    ),
  );
  const trace = cov.reduce((s, r, i) => s + r[i]!, 0) / WIDTH;
  const shrunk = cov.map((r, i) => r.map((v, j) => (1 - shrinkage) * v + (i === j ? shrinkage * trace : 0)));
  return mean.map((m) => {
    const scaled = m.map((v, k) => v * scale[k]!);
    const w = gauss(shrunk, scaled);
    return {
      weight: w.map((v, k) => v * scale[k]!),
      bias: -w.reduce((s, v, k) => s + v * scaled[k]!, 0) / 2,
    };
  });
}

function gauss(matrix: number[][], right: number[]): number[] {
  const a = matrix.map((r, i) => [...r, right[i]!]);
  for (let p = 0; p < a.length; p++) {
    for (let i = 0; i < a.length; i++) {
      if (i === p) continue;
      const f = a[i]![p]! / a[p]![p]!;
      for (let k = p; k <= a.length; k++) a[i]![k]! -= f * a[p]![k]!;
    }
  }
  return a.map((r, i) => r[a.length]! / r[i]!);
}

describe.each([6, 40, 300])('the discriminant, on %i samples', (count) => {
  const { rows, labels } = samples(count, 7);

  it('is the textbook’s, from inner products', async () => {
    const fitted = await (await Discriminant.prepare(rows, labels, CLASSES, BLOCKS)).fit(0.2);
    reference(rows, labels, 0.2).forEach(({ weight, bias }, c) => {
      weight.forEach((w, k) => {
        expect(fitted.weight[c * WIDTH + k]).toBeCloseTo(w, 3);
      });
      expect(fitted.bias[c]).toBeCloseTo(bias, 2);
    });
  });

  it('is the same when it streams, up to half precision', async () => {
    const fitted = await (await Discriminant.prepare(rows, labels, CLASSES, BLOCKS)).fit(0.3);
    const streaming = new StreamingDiscriminant(BLOCKS);
    streaming.shrinkage = 0.3;
    labels.forEach((c, i) => {
      streaming.add(rows.data.subarray(i * WIDTH, (i + 1) * WIDTH), `class ${c}`);
    });
    streaming.calibrateTo(1);
    const head = await streaming.head();
    expect(head.classes).toEqual(['class 0', 'class 1', 'class 2']);
    head.weight.forEach((w, i) => {
      expect(Math.abs(w - fitted.weight[i]!)).toBeLessThan(2e-3 * (1 + Math.abs(w)));
    });
  });
});

describe('cross-validation', () => {
  it('scores as a fit on the other samples does', async () => {
    const { rows, labels } = samples(60, 3);
    const all = await Discriminant.prepare(rows, labels, CLASSES);
    const tested = [0, 7, 20, 41];
    const fitted = labels.map((_, i) => i).filter((i) => !tested.includes(i));
    const scores = await all.crossScores(fitted, tested, 0.2);
    const part = {
      data: Float32Array.from(fitted.flatMap((i) => [...rows.data.subarray(i * WIDTH, (i + 1) * WIDTH)])),
      count: fitted.length,
      width: WIDTH,
    };
    // One block whose scale differs a little without the tested samples: give it the same scale by none at all.
    const { weight, bias } = await (
      await Discriminant.prepare(
        part,
        fitted.map((i) => labels[i]!),
        CLASSES,
      )
    ).fit(0.2);
    tested.forEach((t, r) => {
      for (let c = 0; c < CLASSES; c++) {
        let s = bias[c]!;
        for (let k = 0; k < WIDTH; k++) s += weight[c * WIDTH + k]! * rows.data[t * WIDTH + k]!;
        expect(scores.data[r * CLASSES + c]).toBeCloseTo(s, 2);
      }
    });
  });
});

describe('the streaming discriminant', () => {
  const { rows, labels } = samples(30, 5);
  const row = (i: number) => rows.data.subarray(i * WIDTH, (i + 1) * WIDTH);
  const filled = () => {
    const d = new StreamingDiscriminant(BLOCKS);
    labels.forEach((c, i) => {
      d.add(row(i), `class ${c}`);
    });
    return d;
  };

  it('answers from the second label on', async () => {
    const d = new StreamingDiscriminant(BLOCKS);
    d.add(row(0), 'a');
    await expect(d.head()).rejects.toMatchObject({ code: 'learn-no-samples' });
    d.add(row(1), 'b');
    const head = await d.head();
    const score = (x: Float32Array, c: number) =>
      x.reduce((s, v, k) => s + v * head.weight[c * WIDTH + k]!, head.bias[c]!);
    expect(score(row(0), 0)).toBeGreaterThan(score(row(0), 1));
    expect(score(row(1), 1)).toBeGreaterThan(score(row(1), 0));
  });

  it('takes in many samples as it does one by one, in portions, too', async () => {
    const width = BLOCKS.reduce((a, b) => a + b, 0);
    const count = 1100;
    const random = new Random(11);
    const data = Float32Array.from({ length: count * width }, () => random.normal() + 3);
    const names = Array.from({ length: count }, (_, i) => `class ${(i * i) % CLASSES}`);
    const [one, all] = [new StreamingDiscriminant(BLOCKS), new StreamingDiscriminant(BLOCKS)];
    names.forEach((name, i) => {
      one.add(data.subarray(i * width, (i + 1) * width), name);
    });
    await all.addAll(new OrtEngine(), { data, count, width }, names);
    expect(all.classes).toEqual(one.classes);
    expect(all.counts).toEqual(one.counts);
    const [a, b] = [await one.head(), await all.head()];
    const peak = Math.max(...a.weight.map(Math.abs));
    a.weight.forEach((w, k) => {
      expect(Math.abs(w - b.weight[k]!)).toBeLessThan(2e-3 * peak);
    });
    expect(peak).toBeGreaterThan(0);
  });

  it('survives encoding', async () => {
    const d = filled();
    d.shrinkage = 0.05;
    const back = StreamingDiscriminant.decode(Buffer.concat([...d.encode()]));
    expect(back.counts).toEqual(d.counts);
    expect(back.shrinkage).toBe(0.05);
    const [a, b] = [await d.head(), await back.head()];
    a.weight.forEach((w, i) => {
      expect(b.weight[i]).toBeCloseTo(w, 3);
    });
    expect(() => StreamingDiscriminant.decode(Buffer.concat([...d.encode()]).subarray(0, 100))).toThrow(
      /cannot be read/,
    );
  });

  it('answers at once by an earlier covariance and new means', async () => {
    const d = filled();
    await d.head();
    d.add(row(0), 'new');
    expect(d.unfactored).toBe(1);
    const head = await d.head(false);
    expect(head.classes).toContain('new');
    expect(d.unfactored).toBe(1);
  });

  it('answers by the nearest mean at first, where few samples were not factorized yet', async () => {
    const d = filled();
    const head = await d.head(false);
    expect(d.unfactored).toBe(30);
    const exact = await d.head();
    expect(d.unfactored).toBe(0);
    expect(head.classes).toEqual(exact.classes);
    expect(head.weight).not.toEqual(exact.weight);
  });

  it('forgets a sample that is taken out, and a class with its last one', async () => {
    const d = filled();
    const before = await d.head();
    d.add(row(3), 'new');
    d.add(row(5), d.classes[0]!);
    d.remove(row(3), 'new');
    d.remove(row(5), d.classes[0]!);
    d.remove(row(5), 'never seen');
    const after = await d.head();
    expect(after.classes).toEqual(before.classes);
    after.weight.forEach((w, i) => {
      expect(w).toBeCloseTo(before.weight[i]!, 2);
    });
  });

  it('merges tasks into one that names task and class', () => {
    const merged = StreamingDiscriminant.merge(
      new Map([
        ['x', filled()],
        ['y', filled()],
      ]),
    );
    expect(merged.samples).toBe(60);
    expect(merged.classes.slice(2, 4)).toEqual(['x/class 2', 'y/class 0']);
  });
});
