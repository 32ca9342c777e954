import { amount, bytes, dims, duration, operations } from '../format.js';
import type { Inspection } from '../result.js';
import { charts } from './charts.js';
import { escaped } from './escaped.js';
import { picture } from './picture.js';
import { script } from './script.js';
import { style } from './style.js';
import { calibrationTable, cutFacts, cutsTable, layersTable, obstacles } from './tables.js';

/** An inspection as one HTML file that needs nothing else: the network as a picture in which a cut is chosen. */
export function inspectionHtml(r: Inspection): string {
  const name = r.backbone ?? r.file.split(/[\\/]/).at(-1)!;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lichen: where ${escaped(name)} can be cut</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(name)}</h1>
<p class="lead">${lead(r)}</p>
${tiles(r)}
<section>
<h2>Where it can be cut</h2>
<p>A cut makes a trunk, which is frozen and runs once for every sample, and a crown, which tasks adapt. Choose a point.</p>
<ul class="key"><li><i></i>trunk</li><li><i class="c"></i>crown</li><li><i class="p"></i>the cut</li><li><i class="b"></i>no gradient passes</li><li>box: all layers between two cuts, as wide as the root of their operations; a number says how many</li></ul>
<div class="columns">
${picture(r)}
<div class="side">
<div class="panel"><header><span>${r.cut === null ? 'No crown can be trained' : 'The cut'}</span><button type="button" class="step" data-by="-1">↑ earlier</button><button type="button" class="step" data-by="1">↓ later</button></header>
${r.cuts.map((c, i) => cutFacts(r, c, i)).join('\n')}
</div>
${charts(r)}
</div>
</div>
</section>
<section><h2>Every cut</h2><div class="scroll">${cutsTable(r)}</div></section>
<section><h2>What blocks training</h2>${obstacles(r)}</section>
${estimates(r)}
<section><details><summary>All ${r.total.layers} layers</summary><div class="scroll">${layersTable(r)}</div></details></section>
<footer>${escaped(`${r.file}: operator set ${r.opset}. A multiply-add is two operations; convolutions and matrix products are counted, for one sample.`)}</footer>
</main>
<script>${script}</script>
</body>
</html>
`;
}

function lead(r: Inspection): string {
  const others = r.otherOutputs.length > 0 ? ` Outputs not looked at: ${r.otherOutputs.join(', ')}.` : '';
  return escaped(
    `From ${r.input.name} ${dims(r.input.shape)} to ${r.features.name} ${dims(r.features.shape)} in ${r.total.layers} layers; it can be cut at ${r.places} places${r.cuts.length < r.places ? `, of which ${r.cuts.length} are looked at` : ''}.${others}`,
  );
}

function tiles(r: Inspection): string {
  const tile = (value: string, text: string) =>
    `<div class="tile"><b>${escaped(value)}</b><span>${escaped(text)}</span></div>`;
  const chosen = r.cuts.find((c) => c.tensor === r.cut);
  const list = [
    tile(amount(r.total.weights), 'weights'),
    tile(amount(r.total.multiplyAdds), `multiply-adds a sample, ${operations(r.total.flops)}`),
  ];
  if (chosen) {
    list.push(tile(chosen.latent ? bytes(chosen.latent.bytes) : '?', 'a latent at the cut, as kept'));
    list.push(tile(bytes(chosen.mask.bytes), 'a mask of the crown above'));
    if (chosen.stepSeconds !== null) {
      list.push(tile(duration(chosen.stepSeconds), `a training step of ${r.batch}, estimated`));
    }
  }
  return `<div class="tiles">${list.join('')}</div>`;
}

function estimates(r: Inspection): string {
  if (!r.calibration) return '';
  const { calibration: c } = r;
  const busy =
    c.disturbed > 1.25
      ? ` Other programs were busy meanwhile: the middle run took up to ${c.disturbed.toFixed(1)} times as long as the fastest, which counts.`
      : '';
  return `<section><h2>How the seconds are estimated</h2>
<p>Some real steps were run here with ${escaped(c.engine)}, in ${duration(c.seconds)}. From them follows what each kind of work takes: products, grouped convolutions, transpositions, memory that is moved, and every node. The step of every other cut is built, its work counted, and its time computed.${busy}</p>
<div class="scroll">${calibrationTable(c)}</div></section>`;
}
