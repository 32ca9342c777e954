import { describe, expect, it } from 'vitest';
import { forecastOf } from '../../src/label/forecast.js';

/** A curve whose error is a * labels ** -b. */
const power = (a: number, b: number, labels: readonly number[]) =>
  labels.map((n) => ({ labels: n, accuracy: 1 - a * n ** -b, spread: 0 }));

describe('the forecast', () => {
  it('recovers the power law that a curve follows', () => {
    for (const [a, b] of [
      [1.2, 0.5],
      [0.8, 0.25],
      [0.4, 0.9],
    ] as const) {
      const forecast = forecastOf(power(a, b, [10, 20, 40, 64]), 80)!;
      expect(forecast.moreLabels).toBe(20);
      expect(forecast.now).toBeCloseTo(1 - a * 80 ** -b, 10);
      expect(forecast.accuracy).toBeCloseTo(1 - a * 100 ** -b, 10);
      expect(forecast.enough).toBe(forecast.accuracy - forecast.now < 0.01);
    }
  });

  it('tells where more labels are worth the trouble and where they are not', () => {
    expect(forecastOf(power(1.2, 0.5, [10, 20, 40]), 50)!.enough).toBe(false);
    expect(forecastOf(power(0.4, 0.9, [10, 20, 40, 64]), 80)!.enough).toBe(true);
  });

  it('says of more labels that they do no harm, and no less of a curve without a fault', () => {
    const falling = [10, 20, 40].map((labels) => ({ labels, accuracy: 0.9 - labels / 1000, spread: 0 }));
    const said = forecastOf(falling, 50)!;
    expect(said.accuracy).toBe(said.now);
    expect(said).toMatchObject({ enough: true });
    const perfect = [10, 20, 40].map((labels) => ({ labels, accuracy: 1, spread: 0 }));
    expect(forecastOf(perfect, 50)).toMatchObject({ accuracy: 1, now: 1, enough: true });
    for (const samples of [40, 60, 100, 400]) {
      const { now, accuracy } = forecastOf(power(0.9, 0.4, [5, 10, 20, 32]), samples)!;
      expect(accuracy).toBeGreaterThanOrEqual(now);
      expect(accuracy).toBeLessThanOrEqual(1);
    }
  });

  it('says nothing where there is too little', () => {
    expect(forecastOf(power(1, 0.5, [10, 20]), 100)).toBeNull();
    expect(forecastOf(power(1, 0.5, [5, 10, 20]), 39)).toBeNull();
    expect(forecastOf([], 100)).toBeNull();
  });
});
