import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { measureCamera } from '../../bench/camera.js';
import { type CommonOptions, common, finish, running } from './bench-shared.js';
import { integer } from './options.js';
import { table } from './output.js';

/** `lichen bench camera` */
export function addCamera(bench: Command): void {
  common(
    bench
      .command('camera')
      .summary('what a camera costs: processor time at one picture a second, most answers a second, latency')
      .option('--seconds <n>', 'how long each case is measured', integer(5, 3600), 60),
    `
Examples:
  lichen bench camera
  lichen bench camera --seconds 20 --json

Needs ffmpeg, and Linux's /proc.`,
  ).action(async (options: CommonOptions & { seconds: number }) => {
    const program = fileURLToPath(new URL('main.js', import.meta.url));
    const { seconds } = options;
    const rows = await running('Watching', (say) => measureCamera({ seconds, program }, say));
    finish(options, 'camera', { seconds, rows }, () =>
      table(
        ['camera', 'agent, % of a core', 'ffmpeg, %', 'answers a second', 'latency, ms'],
        rows.map((r) => [r.case, r.agentPercent, r.programPercent, r.answersPerSecond, r.latencyMs ?? '-']),
      ),
    );
  });
}
