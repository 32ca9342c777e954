import { describe, expect, test } from 'vitest';
import { SCALING_PARTS, type ScalingPoint, settingsOf } from '../../bench/scaling.js';
import { scalingPlot } from '../../bench/scaling-plot.js';
import { chart, niceCeiling } from '../../bench/svg-chart.js';

describe('settings', () => {
  test('batches from 1 to 128, six cuts, at most four threads and no more than there are cores', () => {
    expect(settingsOf('batch', 8).map((s) => s.batch)).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
    expect(new Set(settingsOf('crown', 8).map((s) => s.split)).size).toBe(6);
    expect(settingsOf('threads', 2).map((s) => s.threads)).toEqual([1, 2]);
    expect(settingsOf('threads', 64).map((s) => s.threads)).toEqual([1, 2, 3, 4]);
  });

  test('only one thing varies at a time', () => {
    for (const part of SCALING_PARTS) {
      const settings = settingsOf(part, 4);
      const varied = (['batch', 'split', 'threads'] as const).filter(
        (key) => new Set(settings.map((s) => s[key])).size > 1,
      );
      expect(varied).toHaveLength(1);
    }
  });
});

describe('plots', () => {
  const point = (label: string, batch: number, medianMs: number): ScalingPoint => ({
    label,
    batch,
    split: 'x',
    threads: 2,
    parameters: 1.5e6 * batch,
    medianMs,
    lowestMs: medianMs,
    peakRssBytes: 2 ** 28,
    workingPeakRssBytes: 2 ** 27,
  });

  test('a point lies where its value is between the axis and the highest tick', () => {
    const one = chart(
      { title: 't', unit: 'ms', axis: 'a', labels: ['1', '2'], series: [{ name: 's', values: [0, 50] }] },
      0,
      0,
    );
    const points = /points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)"/.exec(one)!.slice(1).map(Number);
    const grid = [...one.matchAll(/y1="([\d.]+)"/g)].map((m) => Number(m[1]));
    expect(points[1]).toBe(Math.max(...grid));
    expect(points[3]).toBe(Math.min(...grid));
    expect(points[0]).toBeLessThan(points[2]!);
  });

  test('the picture is well-formed and has every part and label', () => {
    const svg = scalingPlot({
      batch: [point('1', 1, 10), point('128', 128, 900)],
      crown: [point('b', 2, 40)],
    });
    expect(svg).toContain('>128</text>');
    expect(svg).toContain('>3.0</text>');
    expect(svg.match(/<polyline/g)).toHaveLength(3 + 2 + 1 + 1);
    const opened = svg.match(/<(g|text|svg)[ >]/g)!.length;
    expect(svg.match(/<\/(g|text|svg)>/g)).toHaveLength(opened);
  });

  test('text is no markup', () => {
    const one = chart(
      { title: '<b> & co', unit: '', axis: '', labels: ['x'], series: [{ name: '', values: [1] }] },
      0,
      0,
    );
    expect(one).toContain('&lt;b&gt; &amp; co');
  });

  test('the highest tick is a round number not below the highest value', () => {
    expect([0.7, 1, 1.1, 23, 26, 51, 0].map(niceCeiling)).toEqual([1, 1, 2, 25, 50, 100, 1]);
  });
});
