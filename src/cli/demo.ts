import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { DemoFolder } from '../demo/folder.js';
import { reportHtml } from '../demo/report.js';
import type { DemoResult } from '../demo/result.js';
import { type DemoState, storySteps } from '../demo/story.js';
import { EXIT } from './exit.js';
import { numberWithin } from './options.js';
import { bytes, percent, print, table } from './output.js';
import { runSteps } from './progress.js';

interface DemoCommandOptions {
  folder: string;
  fraction: number;
  keep: boolean;
  record: boolean;
  json: boolean;
  quiet: boolean;
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .summary('see everything at work, on real photographs')
    .description(
      'Starts a hub and two agents as separate programs and lets them learn three tasks from photographs of clothes; a device is killed and the broker stopped on the way. Ends with a summary, summary.json and report.html in the work folder.',
    )
    .option('--folder <folder>', 'work folder; emptied first if an earlier demo made it', 'demo')
    .option('--fraction <share>', 'share of the pictures to use, 0.1 to 1', numberWithin(0.1, 1), 0.4)
    .option('--keep', "leave hub and agents running and print the page's address", false)
    .option('--record', 'write all traffic between devices and hub to <folder>/*.traffic', false)
    .option('--json', 'print the summary as one line of JSON', false)
    .option('--quiet', 'no progress', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen demo
  lichen demo --keep
  lichen demo --fraction 0.3 --folder /tmp/lichen-demo --json`,
    )
    .action(demo);
}

async function demo(options: DemoCommandOptions): Promise<void> {
  const began = performance.now();
  const folder = new DemoFolder(options.folder);
  const state = emptyState();
  let done = false;
  const stopAll = async () => {
    await Promise.all([state.cam1?.stop(), state.cam2?.stop()]);
    await state.hub?.program.stop();
    for (const r of state.recorders) await r.stop();
  };
  const onSignal = () => {
    stopAll().finally(() => process.exit(130));
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    await runSteps(
      storySteps({ folder, fraction: options.fraction, record: options.record }),
      state,
      options.quiet,
    );
    done = true;
  } finally {
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
    if (!(done && options.keep)) await stopAll();
  }
  const { result } = state;
  result.seconds = Math.round((performance.now() - began) / 10) / 100;
  const { answers, device: _device, versions: _versions, ...summary } = result;
  const wrong = Object.fromEntries(
    Object.entries(answers).map(([task, list]) => [task, list.filter((a) => a.label !== a.truth).length]),
  );
  writeFileSync(folder.at('summary.json'), `${JSON.stringify({ ...summary, wrong }, null, 2)}\n`);
  writeFileSync(folder.at('report.html'), reportHtml(result));
  print({ ...summary, wrong }, options.json, () => describe(result, folder));
  if (options.keep) {
    state.cam1?.release();
    state.cam2?.release();
    state.hub?.program.release();
    const pids = [state.hub?.program, state.cam1, state.cam2].map((p) => p?.pid).join(' ');
    process.stderr.write(
      `\nHub and agents are running. The page: ${result.page}\nEnd them with: kill ${pids}\n`,
    );
  }
  if (!result.nothingForgotten) process.exitCode = EXIT.no;
}

function emptyState(): DemoState {
  return {
    ports: { mqtt: 0, http: 0 },
    recorders: [],
    pictures: new Map(),
    result: {
      startedAt: new Date().toISOString(),
      seconds: 0,
      machine: {
        node: process.versions.node,
        platform: `${process.platform} ${process.arch}`,
        cores: availableParallelism(),
        cpu: cpus()[0]?.model ?? 'unknown processor',
      },
      page: '',
      backboneBytes: 0,
      stages: [],
      nothingForgotten: false,
      trafficBytes: null,
      answers: {},
    },
  };
}

function describe(r: DemoResult, folder: DemoFolder): string {
  const names = r.stages.map((s) => s.task);
  const rows = r.stages.map((s) => [
    s.title,
    s.isolation,
    percent(s.instantAccuracy),
    ...names.map((n) => percent(s.accuracy.find((a) => a.task === n)?.accuracy)),
    s.verified ? 'same bits' : 'DIFFERENT',
    bytes(s.training.adapterBytes),
    `${bytes(s.replay.usedBytes)} of ${bytes(s.replay.capBytes)}`,
    `${s.training.wallSeconds.toFixed(1)} s`,
    bytes(s.peakRssBytes),
  ]);
  const lines = [
    `Accuracy on test pictures after each task (backbone ${bytes(r.backboneBytes)}):`,
    '',
    table(
      ['after', 'isolation', 'instant', ...names, 'verified', 'adapter', 'replay', 'training', 'peak memory'],
      rows,
    ),
    '',
  ];
  if (r.crash)
    lines.push(
      `Killed while training: ${r.crash.samplesBefore} samples before, ${r.crash.samplesAfter} after.`,
    );
  if (r.outage) {
    const { reportsWhileAway, arrived, distinct, dropped } = r.outage;
    lines.push(
      `Broker stopped: ${reportsWhileAway} reports made meanwhile, ${arrived} arrived, ${distinct} distinct, ${dropped} dropped.`,
    );
  }
  if (r.pack) {
    lines.push(
      `Second device, from a pack of ${bytes(r.pack.bytes)}: ${percent(r.pack.accuracyOnSecond)}, the first device ${percent(r.pack.accuracyOnFirst)}.`,
    );
  }
  lines.push(
    r.nothingForgotten
      ? 'Nothing was forgotten: every digest is the same.'
      : 'SOMETHING CHANGED: a digest differs.',
    `${r.seconds.toFixed(0)} s. Report: ${pathToFileURL(folder.at('report.html')).href}`,
  );
  return lines.join('\n');
}
