import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { pino } from 'pino';
import { Notifier } from '../agent/notify.js';
import { describeConfig } from '../config/describe.js';
import { loadConfig } from '../config/load.js';
import { hubConfigSchema } from '../hub/config.js';
import { startHub } from '../hub/hub.js';
import { untilStopped } from './run.js';

interface HubOptions {
  config?: string;
  printConfig: boolean;
  portsFile?: string;
}

export function addHub(program: Command): void {
  program
    .command('hub')
    .summary("run the fleet's server")
    .description('Runs the hub: MQTT broker, database, HTTP API and page in one process.')
    .option('--config <file>', 'YAML settings; without it, the defaults')
    .option('--print-config', 'print every setting with its default and meaning, and end', false)
    .option('--ports-file <file>', 'write the ports that were taken to this file, as JSON (for port 0)')
    .addHelpText(
      'after',
      `
Examples:
  lichen hub
  lichen hub --config /etc/lichen/hub.yaml
  lichen hub --print-config > hub.yaml

SIGTERM and SIGINT end it cleanly.`,
    )
    .action(async (options: HubOptions) => {
      if (options.printConfig) {
        process.stdout.write(describeConfig(hubConfigSchema));
        return;
      }
      const config = loadConfig(hubConfigSchema, options.config);
      const log = pino({ name: 'hub', level: config.log });
      const hub = await startHub(config, log);
      const { mqttPort, httpPort, url } = hub;
      if (options.portsFile) writeFileSync(options.portsFile, JSON.stringify({ mqttPort, httpPort, url }));
      const notifier = new Notifier();
      await notifier.ready();
      const beat = setInterval(() => notifier.progress(), 1000);
      await untilStopped(log, async () => {
        clearInterval(beat);
        await notifier.stopping();
        await hub.stop();
      });
    });
}
