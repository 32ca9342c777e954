import { dims, operations } from '../format.js';
import type { Inspection, LayerFigures } from '../result.js';
import { escaped, shortened } from './escaped.js';

/** Layers between two places where a network can be cut: no cut goes through them. */
interface Segment {
  layers: LayerFigures[];
  multiplyAdds: number;
  /** Index of the cut behind it; undefined behind the last one. */
  cut: number | undefined;
}

const WIDTH = 360;
const CENTRE = 88;
const NARROW = 22;
const WIDE = 148;
/** Heights of a box with multiply-adds, of one without, and of the wire between two. */
const TALL = 28;
const FLAT = 7;
const GAP = 16;
const TEXT = 182;

/**
 * The network as an SVG, from the input at the top to the features: a box for all layers between two cuts, as
 * wide as the root of its operations; a way past a box where a skip connection makes it one; a point at every cut.
 */
export function picture(r: Inspection): string {
  const segments = segmentsOf(r);
  const most = Math.max(1, ...segments.map((s) => s.multiplyAdds));
  const chosen = r.cuts.findIndex((c) => c.tensor === r.cut);
  const parts: string[] = [];
  let y = 34;
  let width = NARROW;
  parts.push(
    wire(18, y + GAP),
    text(TEXT, 18, 'name', r.input.name),
    text(TEXT, 32, 'about', dims(r.input.shape)),
  );
  parts.push(`<circle class="end" cx="${CENTRE}" cy="18" r="6"/>`);
  for (const [i, s] of segments.entries()) {
    y += GAP;
    const own = s.multiplyAdds > 0;
    if (own) width = NARROW + (WIDE - NARROW) * Math.sqrt(s.multiplyAdds / most);
    const height = own ? TALL : FLAT;
    parts.push(box(s, y, width, height, chosen >= 0 && i > chosen));
    if (own) {
      const { output, shape } = s.layers.at(-1)!;
      parts.push(text(TEXT, y + 12, 'name', shortened(output, 26), output));
      parts.push(
        text(TEXT, y + 25, 'about', `${dims(shape?.slice(1) ?? null)} · ${operations(2 * s.multiplyAdds)}`),
      );
    }
    y += height;
    parts.push(wire(y, y + GAP));
    if (s.cut !== undefined) parts.push(point(r.cuts[s.cut]!.tensor, s.cut, y + GAP / 2, chosen));
  }
  y += GAP + 10;
  parts.push(`<circle class="end" cx="${CENTRE}" cy="${y}" r="6"/>`);
  parts.push(text(TEXT, y + 1, 'name', r.features.name), text(TEXT, y + 15, 'about', dims(r.features.shape)));
  const label = `The network ${r.file}: ${r.total.layers} layers, ${r.places} places where it can be cut`;
  return `<svg class="network" viewBox="0 0 ${WIDTH} ${y + 24}" role="group" aria-label="${escaped(label)}">
<g id="knife"${chosen < 0 ? ' hidden' : ''}><line x1="0" x2="${WIDTH}" y1="0" y2="0"/></g>
${parts.join('\n')}
</svg>`;
}

function segmentsOf(r: Inspection): Segment[] {
  const ends = [...r.cuts.map((c) => c.after), r.layers.length - 1];
  return ends.flatMap((end, i) => {
    const layers = r.layers.slice(i === 0 ? 0 : ends[i - 1]! + 1, end + 1);
    if (layers.length === 0) return [];
    const multiplyAdds = layers.reduce((sum, l) => sum + (l.multiplyAdds ?? 0), 0);
    return [{ layers, multiplyAdds, cut: i < r.cuts.length ? i : undefined }];
  });
}

function box(s: Segment, y: number, width: number, height: number, crown: boolean): string {
  const x = CENTRE - width / 2;
  const states = [
    crown ? 'crown' : '',
    s.layers.some((l) => l.blocks !== null && l.unknown === null) ? 'blocks' : '',
    s.layers.some((l) => l.unknown !== null) ? 'unknown' : '',
  ];
  const listed = s.layers.map(
    (l) => `${l.op} ${l.output}: ${dims(l.shape)}${l.blocks ? ` (${l.blocks})` : ''}`,
  );
  const past = s.layers.length > 1 ? wayPast(x - 11, y - GAP / 2 + 5, y + height + GAP / 2 - 5) : '';
  const inside =
    height === TALL && s.layers.length > 1
      ? `<text class="inside" x="${CENTRE}" y="${y + 18}">${s.layers.length}</text>`
      : '';
  return `<g class="box ${states.filter(Boolean).join(' ')}" data-behind="${s.cut ?? ''}">${past}<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${height}" rx="${height === TALL ? 6 : 3}"/>${inside}<title>${escaped(listed.join('\n'))}</title></g>`;
}

/** A line around the left of a box: with more than one layer between two cuts, something passes them by. */
function wayPast(x: number, top: number, bottom: number): string {
  const r = 6;
  return `<path class="past" d="M${CENTRE} ${top}H${x + r}q${-r} 0 ${-r} ${r}V${bottom - r}q0 ${r} ${r} ${r}H${CENTRE}"/>`;
}

function point(tensor: string, index: number, y: number, chosen: number): string {
  return `<a class="point${index === chosen ? ' chosen' : ''}" href="#cut-${index}" data-cut="${index}" data-y="${y}" aria-label="cut at ${escaped(tensor)}"><circle class="target" cx="${CENTRE}" cy="${y}" r="9"/><circle class="dot" cx="${CENTRE}" cy="${y}" r="4"/><title>cut at ${escaped(tensor)}</title></a>`;
}

function wire(from: number, to: number): string {
  return `<line class="wire" x1="${CENTRE}" x2="${CENTRE}" y1="${from}" y2="${to}"/>`;
}

function text(x: number, y: number, kind: string, content: string, title = content): string {
  return `<text class="${kind}" x="${x}" y="${y}">${escaped(content)}<title>${escaped(title)}</title></text>`;
}
