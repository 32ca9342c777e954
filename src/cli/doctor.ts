import type { Command } from 'commander';
import { agentConfigSchema } from '../agent/config.js';
import { loadConfig } from '../config/load.js';
import type { BrokerSettings } from '../device/broker-check.js';
import type { Check } from '../device/check.js';
import { type Diagnosis, examine } from '../device/doctor.js';
import { EXIT } from './exit.js';
import { print } from './output.js';

interface DoctorCommandOptions {
  config?: string;
  broker?: string;
  json: boolean;
}

const MARKS: Record<Check['status'], string> = {
  ok: '✓',
  warning: '!',
  missing: '✗',
  optional: '·',
};

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('say what this machine can do, and what is missing')
    .description(
      'Looks at processor, memory, engines, backbone, disk, broker, cameras and service manager, and says how to get what is missing. Changes nothing. Ends with 1 when something that is needed is missing.',
    )
    .option('--config <file>', 'YAML settings of the agent; its broker is asked, too')
    .option('--broker <url>', 'a broker to ask, such as mqtt://hub.local:1883')
    .option('--json', 'print one line of JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen doctor
  lichen doctor --config /etc/lichen/agent.yaml
  lichen doctor --broker mqtt://127.0.0.1:1883 --json`,
    )
    .action(async (options: DoctorCommandOptions) => {
      const config = loadConfig(agentConfigSchema, options.config);
      const { url, protocol, username, password } = config.mqtt;
      let broker: BrokerSettings | undefined;
      if (options.broker !== undefined) broker = { url: options.broker, protocol, username, password };
      else if (options.config !== undefined) broker = { url, protocol, username, password };
      const diagnosis = await examine({ config, broker });
      const { profile, checks, ok } = diagnosis;
      print({ ok, profile: profile.name, checks }, options.json, () => describe(diagnosis));
      if (!ok) process.exitCode = EXIT.no;
    });
}

function describe({ ok, profile, checks }: Diagnosis): string {
  const width = Math.max(...checks.map((c) => c.name.length));
  const indent = ' '.repeat(width + 4);
  const lines = checks.flatMap((c) => {
    const first = `${MARKS[c.status]} ${c.name.padEnd(width)}  ${c.found}`;
    const more = [];
    if (c.status !== 'ok' && c.needed) more.push(`${indent}needed: ${c.needed}`);
    if (c.status !== 'ok' && c.howToGet) more.push(`${indent}to get it: ${c.howToGet}`);
    return [first, ...more];
  });
  const missing = checks.filter((c) => c.status === 'missing').map((c) => c.name);
  const verdict = ok
    ? `This machine can run the agent (profile ${profile.name}: ${profile.board}).`
    : `Missing: ${missing.join(', ')}.`;
  return [
    ...lines,
    '',
    `${MARKS.ok} there  ${MARKS.warning} works, but  ${MARKS.missing} missing  ${MARKS.optional} not needed`,
    '',
    verdict,
  ].join('\n');
}
