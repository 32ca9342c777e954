import type { ScalingPart, ScalingPoint, ScalingResult } from './scaling.js';
import { type Chart, chart, picture } from './svg-chart.js';

const TITLES: Record<ScalingPart, string> = {
  batch: 'Samples a step',
  crown: 'Trained numbers, millions (cut lower and lower)',
  threads: 'Threads',
};

/** The measured points as a picture: a row a part, time on the left and memory on the right. */
export function scalingPlot(result: ScalingResult): string {
  const rows = Object.entries(result) as [ScalingPart, ScalingPoint[]][];
  const charts = rows.flatMap(([part, points], row) => [
    chart(timeChart(part, points), 0, row),
    chart(memoryChart(part, points), 1, row),
  ]);
  return picture(charts, rows.length);
}

function timeChart(part: ScalingPart, points: readonly ScalingPoint[]): Chart {
  const series = [{ name: 'a step, median', values: points.map((p) => p.medianMs) }];
  if (part === 'batch') {
    series.push({ name: 'a sample', values: points.map((p) => p.medianMs / p.batch) });
  }
  return { title: 'Time', unit: 'ms', axis: TITLES[part], labels: labelsOf(part, points), series };
}

function memoryChart(part: ScalingPart, points: readonly ScalingPoint[]): Chart {
  const mebibytes = (bytes: number) => bytes / 2 ** 20;
  return {
    title: 'Peak memory of the process',
    unit: 'MiB',
    axis: TITLES[part],
    labels: labelsOf(part, points),
    series: [
      { name: 'with its start', values: points.map((p) => mebibytes(p.peakRssBytes)) },
      { name: 'while it trains', values: points.map((p) => mebibytes(p.workingPeakRssBytes)) },
    ],
  };
}

function labelsOf(part: ScalingPart, points: readonly ScalingPoint[]): string[] {
  return points.map((p) => (part === 'crown' ? (p.parameters / 1e6).toFixed(1) : p.label));
}
