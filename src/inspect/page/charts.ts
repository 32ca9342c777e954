import { amount, bytes, duration } from '../format.js';
import type { CutFigures, Inspection } from '../result.js';
import { escaped } from './escaped.js';

const WIDTH = 560;
const HEIGHT = 64;

/** Bars over all cuts, one chart a figure: what grows and what shrinks as the cut moves up. */
export function charts(r: Inspection): string {
  const chart = (title: string, value: (c: CutFigures) => number | null, format: (n: number) => string) => {
    const values = r.cuts.map(value);
    if (values.every((v) => v === null)) return '';
    const most = Math.max(...values.map((v) => v ?? 0), Number.MIN_VALUE);
    const step = WIDTH / values.length;
    const bars = values.map((v, i) => {
      const height = Math.max(v === null ? 0 : 1.5, HEIGHT * Math.sqrt((v ?? 0) / most));
      const label = `${r.cuts[i]!.tensor}: ${v === null ? 'not known' : format(v)}`;
      const chosen = r.cuts[i]!.tensor === r.cut ? ' chosen' : '';
      return `<g class="bar${chosen}" data-cut="${i}"><rect class="target" x="${(i * step).toFixed(2)}" y="0" width="${step.toFixed(2)}" height="${HEIGHT}"/><rect class="value" x="${(i * step + step * 0.12).toFixed(2)}" y="${(HEIGHT - height).toFixed(2)}" width="${(step * 0.76).toFixed(2)}" height="${height.toFixed(2)}" rx="1"/><title>${escaped(label)}</title></g>`;
    });
    return `<figure><figcaption>${title} <span>up to ${format(most)}</span></figcaption><svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${escaped(title)} by cut">${bars.join('')}</svg></figure>`;
  };
  return `<div class="charts">
${chart('Latent, bytes a sample', (c) => c.latent?.bytes ?? null, bytes)}
${chart('Weights of the crown', (c) => c.crown.weights, amount)}
${chart('Operations of the crown, FLOPs a sample', (c) => c.crown.flops, amount)}
${chart(`A step of ${r.batch} on this machine`, (c) => c.stepSeconds, duration)}
<p class="axis"><span>cut near the input</span><span>heights are roots</span><span>near the features</span></p>
</div>`;
}
