import { escaped } from '../../../src/inspect/page/escaped.js';
import { type MethodRuns, meanMatrix } from './groups.js';

/** Points of one square, and beside which size its number is written in it. */
const SQUARE = 26;
const MOST_WITH_NUMBERS = 10;

/** The accuracy matrix: a row after every task, a column for every task; the darker the better. */
export function heatMap(method: MethodRuns): string {
  const matrix = meanMatrix(method);
  const tasks = matrix.length;
  const side = tasks <= MOST_WITH_NUMBERS ? SQUARE : 12;
  const edge = 22;
  const squares = matrix.flatMap((row, i) =>
    row.map((v, j) => {
      if (v === null) return '';
      const [x, y] = [edge + j * side, edge + i * side];
      const number =
        tasks <= MOST_WITH_NUMBERS
          ? `<text class="${v > 0.6 ? 'on' : 'off'}" x="${x + side / 2}" y="${y + side / 2 + 3.5}" text-anchor="middle">${Math.round(100 * v)}</text>`
          : '';
      const title = `after task ${i + 1}, on task ${j + 1}: ${(100 * v).toFixed(1)} %`;
      return `<g><rect x="${x}" y="${y}" width="${side - 1}" height="${side - 1}" style="--share:${shade(v)}"/>${number}<title>${title}</title></g>`;
    }),
  );
  const size = edge + tasks * side;
  return `<figure class="heat"><figcaption>${escaped(method.method)} <b>${(100 * method.acc.mean).toFixed(1)}</b></figcaption>
<svg viewBox="0 0 ${size} ${size}" width="${size}" role="img" aria-label="accuracy of ${escaped(method.method)} on every task after each task">
<text x="${edge}" y="12">on task 1 … ${tasks}</text><text transform="translate(12 ${size}) rotate(-90)">after task ${tasks} … 1</text>
${squares.join('')}</svg></figure>`;
}

/** How strong a square's colour is, from 0 to 100: what is below chance hardly differs. */
const shade = (v: number) => `${Math.round(100 * v ** 1.5)}%`;
