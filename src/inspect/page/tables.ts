import { amount, bytes, dims, duration, operations } from '../format.js';
import type { CutFigures, Inspection } from '../result.js';
import { escaped } from './escaped.js';

const number = (text: string) => `<td class="n">${text}</td>`;

/** Every cut with its figures; a row can be chosen. */
export function cutsTable(r: Inspection): string {
  const rows = r.cuts.map((c, i) => {
    const chosen = c.tensor === r.cut ? ' class="chosen"' : '';
    return `<tr${chosen} data-cut="${i}"><th scope="row"><a href="#cut-${i}">${escaped(c.tensor)}</a></th>${[
      dims(c.latent?.shape ?? null),
      c.latent ? bytes(c.latent.bytes) : '?',
      c.latent ? bytes(c.latent.floatBytes) : '?',
      amount(c.crown.weights),
      amount(c.mask.weights),
      bytes(c.mask.bytes),
      amount(c.trunk.flops),
      amount(c.crown.flops),
      duration(c.stepSeconds),
    ]
      .map(number)
      .join(
        '',
      )}<td${c.trainable ? '' : ` class="bad" title="${escaped(c.obstacle ?? '')}"`}>${c.trainable ? 'yes' : 'no'}</td></tr>`;
  });
  const heads = [
    'latent',
    'as bytes',
    'as floats',
    'crown weights',
    'masked',
    'mask',
    'trunk FLOPs',
    'crown FLOPs',
    `step of ${r.batch}`,
  ];
  return `<table><thead><tr><th scope="col">cut after</th>${heads.map((h) => `<th scope="col" class="n">${h}</th>`).join('')}<th scope="col">trainable</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
}

/** Every layer with its figures for one sample. */
export function layersTable(r: Inspection): string {
  const cuts = new Set(r.cuts.map((c) => c.after));
  const rows = r.layers.map((l, i) => {
    const note = l.unknown?.reason ?? l.blocks;
    const state = note === null ? (cuts.has(i) ? 'a cut' : '') : escaped(note);
    return `<tr><th scope="row">${escaped(l.output)}</th><td>${escaped(l.op)}</td>${[
      dims(l.shape),
      l.weights > 0 ? amount(l.weights) : '',
      l.multiplyAdds === 0 ? '' : amount(l.multiplyAdds),
    ]
      .map(number)
      .join('')}<td class="${note === null ? 'soft' : 'bad'}">${state}</td></tr>`;
  });
  return `<table><thead><tr><th scope="col">layer</th><th scope="col">operator</th><th scope="col" class="n">output</th><th scope="col" class="n">weights</th><th scope="col" class="n">multiply-adds</th><th scope="col"></th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
}

/** What training cannot pass, each layer once. */
export function obstacles(r: Inspection): string {
  const layers = r.layers.filter((l) => l.blocks !== null && (l.unknown === null || l.unknown.own));
  const others = new Set(
    r.cuts.flatMap((c) => (c.obstacle !== null && c.blocking.length === 0 ? [c.obstacle] : [])),
  );
  if (layers.length === 0 && others.size === 0) {
    return '<p>Nothing: every layer has a gradient rule, so a crown can be trained from every cut.</p>';
  }
  const free = r.cuts.filter((c) => c.trainable).length;
  const items = [
    ...layers.map(
      (l) => `<li><b>${escaped(l.op)}</b> <code>${escaped(l.output)}</code>: ${escaped(l.blocks!)}</li>`,
    ),
    ...[...others].map((o) => `<li>${escaped(o)}</li>`),
  ];
  return `<p>A crown can be trained from ${free} of ${r.cuts.length} cuts. In the way of the others:</p><ul>${items.join('')}</ul>`;
}

/** The figures of one cut, as the panel beside the picture shows them. */
export function cutFacts(r: Inspection, c: CutFigures, index: number): string {
  const share = c.crown.flops !== null && r.total.flops ? (100 * c.crown.flops) / r.total.flops : null;
  const facts: [string, string, string][] = [
    [
      'latent',
      dims(c.latent?.shape ?? null),
      c.latent
        ? `${bytes(c.latent.bytes)} kept a sample; ${bytes(c.latent.floatBytes)} as floats`
        : 'its shape is not known',
    ],
    ['crown', `${amount(c.crown.weights)} weights`, `${c.crown.layers} of ${r.total.layers} layers`],
    ['mask', bytes(c.mask.bytes), `${amount(c.mask.weights)} bits, ${amount(c.mask.channels)} channels`],
    ['trunk, once a sample', operations(c.trunk.flops), `${amount(c.trunk.weights)} weights`],
    ['crown, each time', operations(c.crown.flops), share === null ? '' : `${share.toFixed(1)} % of all`],
  ];
  if (r.calibration) facts.push([`a step of ${r.batch}`, duration(c.stepSeconds), 'estimated']);
  const bad = c.obstacle === null ? '' : `<p class="bad">Cannot be trained: ${escaped(c.obstacle)}.</p>`;
  const by = { option: 'asked for', manifest: 'the manifest’s', suggestion: 'suggested' };
  const tag = c.tensor === r.cut && r.cutBy !== null ? ` <span>${by[r.cutBy]}</span>` : '';
  return `<div class="facts" id="cut-${index}"${c.tensor === r.cut ? '' : ' hidden'}><h3>${escaped(c.tensor)}${tag}</h3><dl>${facts
    .map(
      ([name, value, more]) =>
        `<div><dt>${name}</dt><dd>${escaped(value)}<small>${escaped(more)}</small></dd></div>`,
    )
    .join('')}</dl>${bad}</div>`;
}

/** The steps that the estimates stand on. */
export function calibrationTable(c: NonNullable<Inspection['calibration']>): string {
  const rows = c.steps.map(
    (s) =>
      `<tr><th scope="row">${escaped(s.tensor)}</th>${[s.batch, s.runs, duration(s.seconds), duration(s.medianSeconds), duration(s.estimate)].map((v) => number(String(v))).join('')}</tr>`,
  );
  return `<table class="narrow"><thead><tr><th scope="col">step from</th>${['samples', 'runs', 'fastest', 'middle', 'as fitted'].map((h) => `<th scope="col" class="n">${h}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}
