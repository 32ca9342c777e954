/** A line chart: one value a label of each series, from zero. */
export interface Chart {
  title: string;
  unit: string;
  /** What the labels are. */
  axis: string;
  labels: readonly string[];
  series: readonly { name: string; values: readonly number[] }[];
}

/** Pixels of one chart with what is written around it. */
const WIDTH = 460;
const HEIGHT = 300;
const MARGIN = { left: 62, right: 20, top: 54, bottom: 52 };
const COLOURS = ['#1f6f8b', '#b4552d', '#4b7f3a'];
const INK = '#26323a';
const GRID = '#dfe5e8';
const COLUMNS = 2;
const TICKS = 5;

/** A picture of charts in two columns, on a light ground. */
export const picture = (charts: readonly string[], rows: number): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${COLUMNS * WIDTH} ${rows * HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...charts,
    '</svg>\n',
  ].join('\n');

/** One chart at its place among others. */
export function chart(c: Chart, column: number, row: number): string {
  const highest = niceCeiling(Math.max(...c.series.flatMap((s) => s.values)));
  const width = WIDTH - MARGIN.left - MARGIN.right;
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  const x = (i: number) =>
    MARGIN.left + (c.labels.length > 1 ? (i * width) / (c.labels.length - 1) : width / 2);
  const y = (value: number) => MARGIN.top + height * (1 - value / highest);
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => (highest * i) / TICKS);
  const parts = [
    text(MARGIN.left, 20, `${c.title}, ${c.unit}`, 'font-weight="bold" font-size="14"'),
    ...c.series.map((s, i) => legend(s.name, i)),
    ...ticks.map((t) =>
      [
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${fixed(y(t))}" y2="${fixed(y(t))}" stroke="${GRID}"/>`,
        text(MARGIN.left - 8, y(t) + 4, number(t), 'text-anchor="end"'),
      ].join(''),
    ),
    ...c.labels.map((label, i) => text(x(i), HEIGHT - MARGIN.bottom + 18, label, 'text-anchor="middle"')),
    text(MARGIN.left + width / 2, HEIGHT - 14, c.axis, 'text-anchor="middle"'),
    ...c.series.map((s, i) =>
      line(
        s.values.map((v, k) => [x(k), y(v)] as const),
        COLOURS[i % COLOURS.length]!,
      ),
    ),
  ];
  return `<g transform="translate(${column * WIDTH},${row * HEIGHT})">${parts.join('\n')}</g>`;
}

/** The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `value`. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((m) => m * power).find((m) => m >= value)!;
}

function line(points: readonly (readonly [number, number])[], colour: string): string {
  const path = points.map(([x, y]) => `${fixed(x)},${fixed(y)}`).join(' ');
  const dots = points.map(([x, y]) => `<circle cx="${fixed(x)}" cy="${fixed(y)}" r="3" fill="${colour}"/>`);
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`;
}

function legend(name: string, index: number): string {
  const x = MARGIN.left + index * 150;
  const colour = COLOURS[index % COLOURS.length]!;
  return `<rect x="${x}" y="31" width="12" height="4" fill="${colour}"/>${text(x + 18, 38, name)}`;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${fixed(x)}" y="${fixed(y)}" fill="${INK}" ${attributes}>${safe}</text>`;
}

const fixed = (value: number) => value.toFixed(1);
const number = (value: number) => String(Number(value.toPrecision(3)));
