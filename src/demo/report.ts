import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bytes, percent } from '../cli/output.js';
import type { Answered, DemoResult, StageResult } from './result.js';

const require = createRequire(import.meta.url);
/** Pictures that the report shows of each task: the least sure ones, wrong ones first. */
const SHOWN = 15;
const COLOURS = ['#3f7d4e', '#b5651d', '#4a63a8'];

/** The demo's report: one HTML file that needs nothing else, with pictures and plots. */
export function reportHtml(r: DemoResult): string {
  const uplot = dirname(require.resolve('uplot/package.json'));
  const script = readFileSync(join(uplot, 'dist', 'uPlot.iife.min.js'), 'utf8');
  const style = readFileSync(join(uplot, 'dist', 'uPlot.min.css'), 'utf8');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lichen: what the demo did</title>
<style>${style}
${CSS}</style>
</head>
<body>
<main>
<h1>What the demo did</h1>
<p class="lead">${lead(r)}</p>
${tiles(r)}
<section><h2>Nothing was forgotten</h2>
<p>Accuracy of every task after every task, on test pictures that no device was ever taught. The digests are of the
answers on fixed probes, recomputed each time: a task's digest stays the same, bit for bit.</p>
${accuracyTable(r)}</section>
<section><h2>Instant first, deep later</h2>
<p>A streaming discriminant on the frozen features answers from the first label on. A trained adapter replaces it only
where it is better on held-out samples.</p>
${gainBars(r)}</section>
<section><h2>Learning</h2><div class="plots">${plot('loss', 'mean loss by epoch')}${plot('bytes', 'kept on the device, KiB')}</div></section>
<section><h2>What went wrong on purpose</h2>${incidents(r)}</section>
<section><h2>A second device</h2>${packText(r)}</section>
<section><h2>The least sure answers</h2>
<p>Test pictures with the device's answer and its probability. Wrong answers have a red frame and say what was right.</p>
${r.stages.map((s) => gallery(s, r.answers[s.task] ?? [])).join('\n')}</section>
<section><h2>Confusion</h2><div class="matrices">${r.stages.map((s) => confusion(s, r.answers[s.task] ?? [])).join('\n')}</div></section>
<section><h2>What the hub heard</h2>${events(r)}</section>
<footer>${escaped(`${r.startedAt} · Node ${r.machine.node} · ${r.machine.platform} · ${r.machine.cores} cores, ${r.machine.cpu} · ${r.seconds.toFixed(0)} s in all`)}</footer>
</main>
<script>${script.replaceAll('</script', '<\\/script')}</script>
<script>${plotScript(r)}</script>
</body>
</html>
`;
}

const CSS = `
:root { color-scheme: light dark; --ink: #1d2420; --soft: #5c6a61; --line: #d5dcd6; --card: #fff; --page: #f4f6f3; --good: #2f6f3f; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5ebe6; --soft: #9fafa4; --line: #38423b; --card: #1d2420; --page: #141a16; --good: #7cc48d; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.9rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 0 0 .4rem; }
.lead, section > p { color: var(--soft); max-width: 72ch; margin: 0 0 1rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.2rem; margin-top: 1.2rem; overflow-x: auto; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: .8rem; margin-top: 1rem; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.55rem; line-height: 1.2; } .tile span { color: var(--soft); font-size: .85rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); font-size: .85rem; } td.n { font-variant-numeric: tabular-nums; }
code { font: .82em ui-monospace, monospace; color: var(--soft); }
.good { color: var(--good); } .bad { color: var(--bad); }
.bar { display: grid; grid-template-columns: 11rem 1fr 5rem; gap: .6rem; align-items: center; margin: .25rem 0; }
.bar i { display: block; height: .85rem; border-radius: 4px; background: #8aa893; } .bar i.deep { background: #3f7d4e; }
.plots { display: flex; flex-wrap: wrap; gap: 1.5rem; } figure { margin: 0; flex: 1 1 440px; min-width: 0; } figcaption { color: var(--soft); font-size: .85rem; }
.u-legend { font-size: .8rem; } .uplot { width: 100% !important; }
.gallery { display: flex; flex-wrap: wrap; gap: .6rem; margin: .4rem 0 1rem; }
.shot { width: 84px; font-size: .72rem; text-align: center; line-height: 1.25; overflow-wrap: anywhere; } .shot img { width: 84px; height: 84px; image-rendering: pixelated; border-radius: 6px; border: 2px solid var(--line); display: block; }
.shot.wrong img { border-color: var(--bad); }
.matrices { display: flex; flex-wrap: wrap; gap: 2rem; } .matrices table { width: auto; } .matrices td { width: 2.6rem; text-align: center; padding: .3rem; border: 1px solid var(--page); }
.matrices th { font-weight: 400; padding: .2rem .5rem; border: 0; } caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
ol.events { list-style: none; margin: 0; padding: 0; font-size: .9rem; } ol.events li { padding: .25rem 0; border-bottom: 1px solid var(--line); } ol.events time { color: var(--soft); margin-right: .8rem; font-variant-numeric: tabular-nums; }
footer { color: var(--soft); font-size: .85rem; margin-top: 1.5rem; }`;

function lead(r: DemoResult): string {
  const tasks = r.stages.map((s) => `“${escaped(s.title)}”`).join(', ');
  return `A sensor learned ${r.stages.length} tasks one after the other (${tasks}) from real photographs, in ${r.seconds.toFixed(0)} seconds, on the processor alone. Hub and devices ran as separate programs and spoke MQTT; no picture left a device.`;
}

function tiles(r: DemoResult): string {
  const last = r.stages.at(-1)!;
  const mean = last.accuracy.reduce((sum, a) => sum + a.accuracy, 0) / last.accuracy.length;
  const adapters = r.stages.reduce((sum, s) => sum + s.training.adapterBytes, 0);
  const tile = (value: string, text: string) => `<div class="tile"><b>${value}</b><span>${text}</span></div>`;
  return `<div class="tiles">${[
    tile(percent(mean), `mean accuracy of all ${r.stages.length} tasks at the end`),
    tile(r.nothingForgotten ? 'zero' : 'SOME', 'forgetting: digests before and after'),
    tile(bytes(adapters), `all adapters; the backbone has ${bytes(r.backboneBytes)}`),
    tile(
      `${percent(last.replay.usedBytes / last.replay.capBytes)}`,
      `of the replay cap of ${bytes(last.replay.capBytes)} used, ${last.replay.samples} samples`,
    ),
    tile(bytes(Math.max(...r.stages.map((s) => s.peakRssBytes))), 'peak memory of the device’s daemon'),
  ].join('')}</div>`;
}

function accuracyTable(r: DemoResult): string {
  const names = r.stages.map((s) => s.task);
  const rows = r.stages.map((s) => {
    const cells = names.map((n) => {
      const a = s.accuracy.find((x) => x.task === n);
      return a
        ? `<td class="n">${percent(a.accuracy)} <code>${(s.digests[n] ?? '').slice(0, 8)}</code></td>`
        : '<td></td>';
    });
    return `<tr><th scope="row">after ${escaped(s.title)}</th>${cells.join('')}<td class="${s.verified ? 'good' : 'bad'}">${s.verified ? 'same bits' : 'DIFFERENT'}</td></tr>`;
  });
  return `<table><thead><tr><th></th>${r.stages.map((s) => `<th scope="col">${escaped(s.title)} (${s.isolation})</th>`).join('')}<th>verified</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function gainBars(r: DemoResult): string {
  const bar = (label: string, value: number, kind: string) =>
    `<div class="bar"><span>${escaped(label)}</span><i class="${kind}" style="width:${(100 * value).toFixed(1)}%"></i><span>${percent(value)}</span></div>`;
  return r.stages
    .map((s) => {
      const own = s.accuracy.find((a) => a.task === s.task)!.accuracy;
      const name = s.training.promoted ? s.isolation : 'still instant';
      return bar(`${s.title}, instant`, s.instantAccuracy, '') + bar(`${s.title}, ${name}`, own, 'deep');
    })
    .join('');
}

function incidents(r: DemoResult): string {
  const rows: string[] = [];
  if (r.crash) {
    const same = r.crash.samplesBefore === r.crash.samplesAfter;
    rows.push(
      `<tr><th scope="row">The device was killed (SIGKILL) in the middle of a training</th><td>${r.crash.samplesBefore} samples before, ${r.crash.samplesAfter} after; ${escaped(r.crash.tasksAfter.join(', '))}</td><td class="${same ? 'good' : 'bad'}">${same ? 'nothing lost' : 'LOST'}</td></tr>`,
    );
  }
  if (r.outage) {
    const { reportsWhileAway: made, arrived, distinct, dropped } = r.outage;
    const good = arrived === made && distinct === made && dropped === 0;
    rows.push(
      `<tr><th scope="row">The broker was stopped while pictures came in</th><td>${made} answers made meanwhile, ${arrived} arrived, ${distinct} of them distinct, ${dropped} dropped</td><td class="${good ? 'good' : 'bad'}">${good ? 'nothing lost, nothing twice' : 'LOST'}</td></tr>`,
    );
  }
  return `<table><tbody>${rows.join('')}</tbody></table>`;
}

function packText(r: DemoResult): string {
  if (!r.pack) return '';
  const { bytes: size, signer, version, accuracyOnFirst, accuracyOnSecond, samples } = r.pack;
  return `<p>A device that never saw a label got “tops” (version ${version}) as a pack of ${bytes(size)}, signed by key <code>${signer}</code>. On the same ${samples} test pictures it answers ${percent(accuracyOnSecond)} rightly, the first device ${percent(accuracyOnFirst)}.</p>`;
}

function gallery(stage: StageResult, answered: readonly Answered[]): string {
  const shown = [...answered]
    .sort(
      (a, b) => Number(a.label === a.truth) - Number(b.label === b.truth) || a.probability - b.probability,
    )
    .slice(0, SHOWN);
  const shots = shown.map((a) => {
    const right = a.label === a.truth;
    const data = readFileSync(a.file).toString('base64');
    const text = right ? escaped(a.label) : `${escaped(a.label)}, is ${escaped(a.truth)}`;
    return `<div class="shot${right ? '' : ' wrong'}"><img alt="${escaped(a.truth)}" src="data:image/png;base64,${data}">${text}<br>${percent(a.probability)}</div>`;
  });
  const wrong = answered.filter((a) => a.label !== a.truth).length;
  return `<h3>${escaped(stage.title)}: ${wrong} of ${answered.length} wrong</h3><div class="gallery">${shots.join('')}</div>`;
}

function confusion(stage: StageResult, answered: readonly Answered[]): string {
  const classes = [...new Set(answered.map((a) => a.truth))].sort();
  const rows = classes.map((truth) => {
    const of = answered.filter((a) => a.truth === truth);
    const cells = classes.map((label) => {
      const n = of.filter((a) => a.label === label).length;
      const alpha = of.length > 0 ? n / of.length : 0;
      const colour = label === truth ? '63,125,78' : '179,38,30';
      return `<td style="background:rgba(${colour},${(0.85 * alpha).toFixed(2)})">${n || ''}</td>`;
    });
    return `<tr><th scope="row">${escaped(truth)}</th>${cells.join('')}</tr>`;
  });
  return `<table><caption>${escaped(stage.title)} (rows are the truth)</caption><thead><tr><th></th>${classes.map((c) => `<th>${escaped(c)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function events(r: DemoResult): string {
  const list = [...(r.device?.events ?? [])].sort((a, b) => a.at.localeCompare(b.at));
  return `<ol class="events">${list.map((e) => `<li><time>${escaped(e.at.slice(11, 19))}</time>${escaped(e.message)}</li>`).join('')}</ol>`;
}

function plot(id: string, caption: string): string {
  return `<figure><div id="plot-${id}"></div><figcaption>${caption}</figcaption></figure>`;
}

function plotScript(r: DemoResult): string {
  const losses = r.stages.map((s) => {
    const versions = r.versions?.find((v) => v.name === s.task)?.versions ?? [];
    return versions.find((v) => v.number === s.training.version)?.metrics.losses ?? [];
  });
  const epochs = Math.max(1, ...losses.map((l) => l.length));
  const axis = Array.from({ length: epochs }, (_, i) => i + 1);
  const loss = [axis, ...losses.map((l) => axis.map((_, i) => l[i] ?? null))];
  const stages = r.stages.map((_, i) => i + 1);
  let sum = 0;
  const adapters = r.stages.map((s) => {
    sum += s.training.adapterBytes / 1024;
    return sum;
  });
  const kept = [
    stages,
    r.stages.map((s) => s.replay.usedBytes / 1024),
    r.stages.map((s) => s.replay.capBytes / 1024),
    adapters,
  ];
  const series = (labels: string[]) =>
    labels.map((label, i) => ({ label, stroke: COLOURS[i], width: 2, points: { show: true, size: 6 } }));
  const data = {
    loss: { data: loss, series: series(r.stages.map((s) => s.title)), x: 'epoch', ticks: null },
    bytes: {
      data: kept,
      series: series(['replay memory', 'its cap', 'all adapters']),
      x: 'after task',
      ticks: r.stages.map((s) => s.title),
    },
  };
  return `
const plots = ${JSON.stringify(data).replaceAll('<', '\\u003c')};
const ink = getComputedStyle(document.body).color;
const line = getComputedStyle(document.documentElement).getPropertyValue('--line');
for (const [id, p] of Object.entries(plots)) {
  const el = document.getElementById('plot-' + id);
  const axis = { stroke: ink, grid: { stroke: line }, ticks: { stroke: line } };
  const x = p.ticks
    ? { ...axis, splits: () => p.data[0], values: (u, v) => v.map((k) => p.ticks[k - 1] || '') }
    : { ...axis, incrs: [1, 2, 5, 10] };
  new uPlot({ width: el.clientWidth || 440, height: 260, scales: { x: { time: false, range: (u, a, b) => [a - 0.2, b + 0.2] } }, axes: [x, { ...axis, size: 60 }],
    series: [{ label: p.x }, ...p.series] }, p.data, el);
}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
