import { escaped } from '../../../src/inspect/page/escaped.js';
import { summaryOf } from '../../statistics.js';
import type { ContinualResult } from '../run.js';
import { colourOf, curves } from './curves.js';
import { type BenchmarkRuns, groupRuns, type MethodRuns } from './groups.js';
import { heatMap } from './heat-map.js';
import { style } from './style.js';

/**
 * Runs of `lichen bench continual` as one HTML file that needs nothing else: for every benchmark a table, the accuracy
 * as it goes on, and the accuracy matrices.
 * @param summaries what each benchmark is, by its name
 */
export function reportHtml(runs: readonly ContinualResult[], summaries: ReadonlyMap<string, string>): string {
  const groups = groupRuns(runs);
  const links = groups.map((g) => `<a href="#${escaped(g.benchmark)}">${escaped(g.benchmark)}</a>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lichen: methods on sequences of tasks</title>
<style>${style}</style>
</head>
<body>
<header><h1>Methods on sequences of tasks</h1>
<p>${runs.length} runs on ${groups.length === 1 ? 'one benchmark' : `${groups.length} benchmarks`}. Accuracy is on test samples that no method has trained on.</p>
<nav>${links.join(' ')}</nav></header>
<main>
${groups.map((g) => section(g, summaries.get(g.methods[0]!.runs[0]!.benchmark) ?? '')).join('\n')}
</main>
</body>
</html>
`;
}

function section(group: BenchmarkRuns, summary: string): string {
  return `<section id="${escaped(group.benchmark)}">
<h2>${escaped(group.benchmark)}</h2>
<p>${escaped(summary)}${summary ? '. ' : ''}Scenario: ${escaped(group.scenario)}.</p>
${table(group)}
${curves(group)}
<div class="heats">${group.methods.map(heatMap).join('\n')}</div>
</section>`;
}

const HEADER = [
  ['method', 'name of the method'],
  ['runs', 'seeds'],
  ['accuracy', 'mean over all tasks after the last, in percent, with the spread over the runs (ACC)'],
  ['backward', 'mean change on earlier tasks since each was learned, in points (BWT)'],
  ['forward', 'mean accuracy on tasks not learned yet beyond an untrained network’s, in points (FWT)'],
  ['learned', 'mean accuracy on each task right after it was learned, in percent'],
  ['forgot', 'mean drop of earlier tasks from their best, in points'],
  ['parameters', 'bytes that recognizing all tasks needs'],
  ['state', 'bytes that the method keeps beside them in order to go on learning'],
  ['memory', 'bytes of remembered samples'],
  ['seconds', 'of learning, mean'],
] as const;

function table({ methods }: BenchmarkRuns): string {
  const head = HEADER.map(([name, what]) => `<th title="${escaped(what)}">${name}</th>`).join('');
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>
${methods.map(row).join('\n')}
</tbody></table></div>`;
}

function row({ method, runs, acc }: MethodRuns, index: number): string {
  const mean = (of: (r: ContinualResult) => number) => summaryOf(runs.map(of)).mean;
  const points = (value: number) => (100 * value).toFixed(1).replace(/^-(0\.0)$/, '$1');
  const cells = [
    String(runs.length),
    `<b>${points(acc.mean)}</b>${runs.length > 1 ? ` ± ${points(acc.deviation)}` : ''}`,
    points(mean((r) => r.bwt)),
    runs.some((r) => r.fwt === null) ? '–' : points(mean((r) => r.fwt!)),
    points(mean((r) => r.learningAccuracy)),
    points(mean((r) => r.forgetting)),
    ...(['parameters', 'state', 'memory'] as const).map((kind) => kibibytes(mean((r) => r.bytes[kind]))),
    mean((r) => r.seconds).toFixed(1),
  ];
  const name = `<th scope="row"><i style="--own:${colourOf(index)}"></i>${escaped(method)}</th>`;
  return `<tr>${name}${cells.map((c) => `<td>${c}</td>`).join('')}</tr>`;
}

const kibibytes = (bytes: number) => (bytes === 0 ? '0' : `${(bytes / 1024).toFixed(0)} KiB`);
