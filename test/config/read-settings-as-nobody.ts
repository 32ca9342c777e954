/** Loads settings as the user nobody and prints the error: node ... read-settings-as-nobody.ts FILE */
import { z } from 'zod';
import { loadConfig } from '../../src/config/load.js';

process.setgroups!([]);
process.setgid!(65_534);
process.setuid!(65_534);
try {
  loadConfig(z.strictObject({ store: z.string() }), process.argv[2]);
  console.log('read');
} catch (error) {
  console.log(String(error));
}
