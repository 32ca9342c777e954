/** Sets replay.cap as the user nobody and prints what the page would say: node ... set-setting-as-nobody.ts FILE */
import { agentConfigSchema } from '../../src/agent/config.js';
import { loadConfig } from '../../src/config/load.js';
import { SettingsFile } from '../../src/label/settings-file.js';

process.setgroups!([]);
process.setgid!(65_534);
process.setuid!(65_534);
const file = process.argv[2]!;
const settings = new SettingsFile(agentConfigSchema, file, loadConfig(agentConfigSchema, file));
console.log(settings.view().readOnly);
try {
  settings.set('replay.cap', '32 MiB');
  console.log('written');
} catch (error) {
  const { message, code } = error as { message: string; code?: string };
  console.log(`${message}\n${code}`);
}
