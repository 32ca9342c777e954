import { mkdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { LichenError, messageOf } from '../errors.js';
import { Passwords, passwordFileOf, SHORTEST } from '../label/passwords.js';
import { DEFAULT_STORE } from './device.js';
import { print } from './output.js';

export function addPassword(program: Command): void {
  program
    .command('password')
    .summary("set the password of a device's page")
    .description(
      "Sets the password of the device's page, also while its agent runs: whoever was logged in has to log in again, and within a minute the page is there for the whole network. Asks for it, or reads it from standard input.",
    )
    .option('--store <folder>', "the agent's store", DEFAULT_STORE)
    .option('--json', 'print one line of JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  sudo -u lichen lichen password
  pass show shed | lichen password --store ./store

It must belong to the agent's user, who has to be able to read it.`,
    )
    .action(async ({ store, json }: { store: string; json: boolean }) => {
      const password = process.stdin.isTTY
        ? await asked()
        : (await text(process.stdin)).replace(/\r?\n$/, '');
      try {
        mkdirSync(store, { recursive: true, mode: 0o700 });
      } catch (error) {
        throw new LichenError(
          'password-not-kept',
          `the folder ${store} cannot be made: ${messageOf(error)}; give the agent's store with --store`,
        );
      }
      const file = passwordFileOf(store);
      await new Passwords(file).set(password);
      print({ file }, json, () => `The password is set (${file}).`);
    });
}

async function asked(): Promise<string> {
  const { default: ask } = await import('@inquirer/password');
  const password = await ask({
    message: 'Password of the page:',
    mask: true,
    validate: (value) => value.length >= SHORTEST || `at least ${SHORTEST} characters`,
  });
  if ((await ask({ message: 'Once more:', mask: true })) !== password) {
    throw new LichenError('password-invalid', 'the two are not the same; nothing was changed');
  }
  return password;
}
