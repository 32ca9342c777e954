import { escaped } from '../../../src/inspect/page/escaped.js';
import { type BenchmarkRuns, curveOf, meanMatrix } from './groups.js';

const WIDTH = 720;
const HEIGHT = 320;
const MARGIN = { left: 44, right: 130, top: 12, bottom: 40 };
/** Labels at the curves' ends are at least this far apart. */
const LINE = 13;

/** A method's colour: hues as far apart as possible, in the order of the list. */
export const colourOf = (index: number) => `hsl(${Math.round((index * 137.5) % 360)} 62% var(--tone))`;

/** Accuracy on the tasks so far after each task, a curve for each method. */
export function curves({ methods }: BenchmarkRuns): string {
  const all = methods.map((m, index) => ({ name: m.method, index, curve: curveOf(meanMatrix(m)) }));
  const tasks = Math.max(...all.map((a) => a.curve.length));
  const lowest = Math.min(...all.flatMap((a) => a.curve.flatMap((v) => (v === null ? [] : [v]))));
  const step = [0.01, 0.02, 0.05, 0.1, 0.2].find((s) => (1 - lowest) / s <= 6) ?? 0.2;
  const from = Math.max(0, 1 - step * Math.ceil((1 - lowest) / step));
  const x = (i: number) =>
    MARGIN.left + (tasks > 1 ? (i * (WIDTH - MARGIN.left - MARGIN.right)) / (tasks - 1) : 0);
  const y = (v: number) => MARGIN.top + ((1 - v) / (1 - from)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const lines = Math.round((1 - from) / step);
  const grid = Array.from({ length: lines + 1 }, (_, k) => from + step * k).map(
    (v) =>
      `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${fixed(y(v))}" y2="${fixed(y(v))}"/>` +
      `<text x="${MARGIN.left - 6}" y="${fixed(y(v) + 4)}" text-anchor="end">${(100 * v).toFixed(0)}</text>`,
  );
  const every = Math.ceil(tasks / 10);
  const ticks = Array.from({ length: tasks }, (_, i) =>
    i % every === 0 || i === tasks - 1
      ? `<text x="${fixed(x(i))}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle">${i + 1}</text>`
      : '',
  );
  const drawn = all.map(({ name, index, curve }) => {
    const points = curve.flatMap((v, i) => (v === null ? [] : [{ i, v }]));
    const path = points.map(({ i, v }) => `${fixed(x(i))},${fixed(y(v))}`).join(' ');
    const dots = points.map(
      ({ i, v }) =>
        `<circle cx="${fixed(x(i))}" cy="${fixed(y(v))}" r="2.5"><title>${escaped(name)} after task ${i + 1}: ${(100 * v).toFixed(1)} %</title></circle>`,
    );
    return `<g style="--own:${colourOf(index)}"><polyline points="${path}"/>${dots.join('')}</g>`;
  });
  return `<svg class="curves" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="accuracy on the tasks so far, by task">
${grid.join('')}${ticks.join('')}${drawn.join('\n')}${labels(all, y)}
<text x="${MARGIN.left}" y="${HEIGHT - 6}">tasks learned; accuracy on them in percent, mean over the runs</text>
</svg>`;
}

/** Names at the right, each as near to its curve's end as the others let it. */
function labels(
  all: readonly { name: string; index: number; curve: readonly (number | null)[] }[],
  y: (v: number) => number,
): string {
  const ends = all
    .map(({ name, index, curve }) => ({ name, index, at: y(curve.findLast((v) => v !== null) ?? 0) }))
    .sort((a, b) => a.at - b.at);
  let above = Number.NEGATIVE_INFINITY;
  // From the bottom up they would leave the picture; so many that they do not fit begin higher.
  const room = HEIGHT - MARGIN.bottom;
  return ends
    .map(({ name, index, at }, k) => {
      const latest = room - LINE * (ends.length - 1 - k);
      above = Math.max(above + LINE, Math.min(at, latest));
      return `<text style="--own:${colourOf(index)}" class="name" x="${WIDTH - MARGIN.right + 8}" y="${fixed(above + 4)}">${escaped(name)}</text>`;
    })
    .join('');
}

const fixed = (value: number) => value.toFixed(1);
