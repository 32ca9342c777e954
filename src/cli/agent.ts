import type { Command } from 'commander';
import { pino } from 'pino';
import { Agent } from '../agent/agent.js';
import { agentConfigSchema } from '../agent/config.js';
import { Notifier } from '../agent/notify.js';
import { describeConfig } from '../config/describe.js';
import { loadConfig } from '../config/load.js';
import { chooseProfile } from '../device/profile.js';
import { untilStopped } from './run.js';

interface AgentOptions {
  config?: string;
  printConfig: boolean;
}

export function addAgent(program: Command, version: string): void {
  program
    .command('agent')
    .summary('run the daemon on a device')
    .description(
      'Runs the agent: watches its sources, answers, keeps samples, trains, and reports over MQTT.',
    )
    .option('--config <file>', 'YAML settings; without it, the defaults')
    .option('--print-config', 'print every setting with its default and meaning, and end', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen agent --config /etc/lichen/agent.yaml
  lichen agent --print-config > agent.yaml
  LICHEN_MQTT_URL=mqtt://hub.local:1883 lichen agent

SIGTERM and SIGINT end it cleanly.`,
    )
    .action(async (options: AgentOptions) => {
      if (options.printConfig) {
        process.stdout.write(describeConfig(agentConfigSchema));
        return;
      }
      const config = loadConfig(agentConfigSchema, options.config);
      const profile = chooseProfile(config.profile);
      const log = pino({ name: 'agent', level: config.log });
      const notifier = new Notifier();
      // A signal that comes while it starts is heeded once it has started.
      const starting = Promise.resolve().then(() =>
        Agent.start({ config, configFile: options.config, profile, version, notifier, log }),
      );
      const stopped = untilStopped(log, async () => (await starting).stop());
      await Promise.all([starting, stopped]);
    });
}
