import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { OrtEngine } from '../engine/ort.js';
import { LichenError, messageOf } from '../errors.js';
import { amount, bytes, dims, duration } from '../inspect/format.js';
import { inspect, type Phase } from '../inspect/inspect.js';
import { inspectionHtml } from '../inspect/page/page.js';
import type { CutFigures, Inspection } from '../inspect/result.js';
import { integer } from './options.js';
import { print, table } from './output.js';
import { runSteps } from './progress.js';

interface InspectCommandOptions {
  cut?: string;
  batch: number;
  input?: number[];
  calibration: boolean;
  html?: string;
  json: boolean;
  quiet: boolean;
}

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .summary('say of a network where it can be cut, and what training it would cost')
    .description(
      'Looks at an ONNX file or a manifest: its layers, every place where it can be cut into trunk and crown, and for each the ' +
        "latent's bytes, weights, operations, the mask's bytes, the seconds of a training step on this machine, and what blocks " +
        'training. Changes nothing.',
    )
    .argument('<file>', 'a network (.onnx) or a manifest of a backbone (.json)')
    .option('--cut <tensor>', 'the cut to look at; without it the manifest’s, or a suggestion')
    .option('--batch <n>', 'samples a step', integer(1, 1024), 16)
    .option('--input <sizes>', 'sizes of the input where the file leaves them open: 1,3,224,224', sizes)
    .option('--no-calibration', 'measure nothing, and estimate no seconds')
    .option('--html <file>', 'write a page with a picture of the network, too')
    .option('--json', 'print one line of JSON', false)
    .option('--quiet', 'no progress', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen inspect models/efficientnet-lite0.json
  lichen inspect mobilenet.onnx --input 1,3,224,224 --html mobilenet.html
  lichen inspect resnet.onnx --cut layer3.output --batch 32 --json --no-calibration`,
    )
    .action(async (file: string, options: InspectCommandOptions) => {
      const wanted = {
        cut: options.cut,
        batch: options.batch,
        inputShape: options.input,
        calibrate: options.calibration,
      };
      const inspection = await inspect(new OrtEngine(), file, wanted, phases(options.quiet));
      if (options.html !== undefined) writePage(options.html, inspection);
      print(inspection, options.json, () => describe(inspection, options.html));
    });
}

function sizes(text: string): number[] {
  const values = text.split(',').map(Number);
  if (!/^\d+(,\d+)+$/.test(text) || values.some((v) => v < 1)) {
    throw new InvalidArgumentError('expected sizes from 1, batch first, such as 1,3,224,224.');
  }
  return values;
}

/** Every phase as a step that is shown. */
function phases(quiet: boolean): Phase {
  return async <T>(title: string, work: (say: (text: string) => void) => Promise<T>) => {
    const context: { result?: T } = {};
    const step = {
      title,
      run: async (c: typeof context, say: (text: string) => void) => {
        c.result = await work(say);
      },
    };
    await runSteps([step], context, quiet);
    return context.result as T;
  };
}

function writePage(file: string, inspection: Inspection): void {
  try {
    writeFileSync(file, inspectionHtml(inspection));
  } catch (error) {
    throw new LichenError('output-unwritable', `cannot write the page ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function describe(r: Inspection, html?: string): string {
  const layers = r.layers.map((l) => [
    l.output,
    l.op,
    dims(l.shape),
    l.weights > 0 ? amount(l.weights) : '-',
    l.multiplyAdds === 0 ? '-' : amount(l.multiplyAdds),
  ]);
  const cuts = r.cuts.map((c) => [
    `${c.tensor === r.cut ? '>' : ' '} ${c.tensor}`,
    dims(c.latent?.shape ?? null),
    c.latent ? bytes(c.latent.bytes) : '?',
    amount(c.crown.weights),
    bytes(c.mask.bytes),
    amount(c.trunk.flops),
    amount(c.crown.flops),
    duration(c.stepSeconds),
    c.trainable ? 'yes' : 'no',
  ]);
  const lines = [
    `${r.file}${r.backbone ? ` (${r.backbone})` : ''}: operator set ${r.opset}, ${r.input.name} ${dims(r.input.shape)} -> ${r.features.name} ${dims(r.features.shape)}`,
    `${r.total.layers} layers, ${amount(r.total.weights)} weights, ${amount(r.total.multiplyAdds)} multiply-adds a sample (${amount(r.total.flops)} FLOPs)`,
  ];
  if (r.otherOutputs.length > 0) lines.push(`Outputs not looked at: ${r.otherOutputs.join(', ')}`);
  lines.push('', table(['layer', 'operator', 'output', 'weights', 'multiply-adds'], layers), '');
  const header = ['latent', 'as bytes', 'crown weights', 'mask', 'trunk FLOPs', 'crown FLOPs'];
  lines.push(table(['  cut after', ...header, `step of ${r.batch}`, 'trainable'], cuts), '');
  if (r.cuts.length < r.places) {
    lines.push(
      `Looked at ${r.cuts.length} of the ${r.places} places where it can be cut, evenly spread; name another with --cut.`,
      '',
    );
  }
  lines.push(...obstacles(r));
  if (r.calibration) lines.push(measurement(r.calibration));
  const chosen = r.cuts.find((c) => c.tensor === r.cut);
  if (chosen) lines.push('', ...aboutCut(r, chosen));
  if (html !== undefined) lines.push('', `The picture is in ${html}.`);
  return lines.join('\n');
}

/** What cannot be inferred or trained, each reason once. */
function obstacles(r: Inspection): string[] {
  const said = (layers: Inspection['layers'], reason: (l: Inspection['layers'][number]) => string) =>
    layers.map((l) => `  ${l.op} '${l.output}': ${reason(l)}`);
  const unknown = r.layers.filter((l) => l.unknown?.own);
  const behind = r.layers.filter((l) => l.unknown && !l.unknown.own).length;
  const blocked = r.layers.filter((l) => l.unknown === null && l.blocks !== null);
  const others = new Set(r.cuts.flatMap((c) => (c.obstacle && c.blocking.length === 0 ? [c.obstacle] : [])));
  const lines: string[] = [];
  if (unknown.length > 0) {
    lines.push('Layers whose shape cannot be told:', ...said(unknown, (l) => l.unknown!.reason));
    lines.push(`  and ${behind} layers that depend on them`, '');
  }
  if (blocked.length > 0) {
    lines.push('Layers that no gradient passes:', ...said(blocked, (l) => l.blocks!), '');
  }
  if (others.size > 0) {
    lines.push('Cuts that cannot be trained from, because:', ...[...others].map((o) => `  ${o}`), '');
  }
  return lines;
}

function measurement(c: NonNullable<Inspection['calibration']>): string {
  const steps = c.steps.map((s) => `${s.tensor} with ${s.batch} (${duration(s.seconds)})`).join(', ');
  const busy =
    c.disturbed > 1.25
      ? ` Other programs were busy meanwhile (the middle run took up to ${c.disturbed.toFixed(1)} times the fastest, which counts).`
      : '';
  return `Seconds are estimated from steps measured in ${duration(c.seconds)} on ${c.engine}: ${steps}.${busy}`;
}

const BY = {
  option: 'as asked for',
  manifest: 'as the manifest says',
  suggestion: 'suggested: a small latent below a crown with weights enough to adapt',
};

function aboutCut(r: Inspection, c: CutFigures): string[] {
  const share =
    c.crown.flops !== null && r.total.flops ? ` (${percentOf(c.crown.flops, r.total.flops)})` : '';
  const lines = [
    `> ${c.tensor}, ${r.cutBy ? BY[r.cutBy] : ''}`,
    c.latent
      ? `  latent ${dims(c.latent.shape)}: ${c.latent.bytes} bytes (${bytes(c.latent.bytes)}) a sample, as floats ${bytes(c.latent.floatBytes)}`
      : '  latent of unknown shape',
    `  crown: ${c.crown.layers} layers, ${amount(c.crown.weights)} weights, ${amount(c.crown.flops)} FLOPs a sample${share}`,
    `  mask: a bit for ${amount(c.mask.weights)} weights, scale and bias for ${amount(c.mask.channels)} channels: ${bytes(c.mask.bytes)}`,
  ];
  if (c.stepSeconds !== null) lines.push(`  a step of ${r.batch}: about ${duration(c.stepSeconds)}`);
  if (c.obstacle !== null) lines.push(`  cannot be trained: ${c.obstacle}`);
  return lines;
}

function percentOf(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} % of all`;
}
