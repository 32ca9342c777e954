import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, it } from 'vitest';
import { Passwords, passwordFileOf } from '../../src/label/passwords.js';
import { rejectionOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';

const PASSWORD = 'Würfel im Keller';
const scratch = scratchFolder();
let passwords: Passwords;
let file: string;

beforeEach(() => {
  file = passwordFileOf(scratch.path());
  passwords = new Passwords(file);
});

it('keeps a salted scrypt hash that its owner alone can read', async () => {
  expect(passwords.isSet).toBe(false);
  expect(await passwords.check(PASSWORD)).toBe(false);
  await passwords.set(PASSWORD);
  const first = readFileSync(file, 'utf8');
  expect(first).toMatch(/^scrypt 32768 8 3 [0-9a-f]{32} [0-9a-f]{64}\n$/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  chmodSync(file, 0o644);
  await passwords.set(PASSWORD);
  expect(readFileSync(file, 'utf8')).not.toBe(first);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(scratch.path())).toEqual(['page-password']);
});

it('knows its password, in whichever form of Unicode it was typed, and no other one', async () => {
  await passwords.set(PASSWORD);
  expect(await passwords.check(PASSWORD.normalize('NFD'))).toBe(true);
  for (const wrong of ['', 'würfel im Keller', `${PASSWORD} `, 'x'.repeat(100_000)]) {
    expect(await passwords.check(wrong)).toBe(false);
  }
  // One that is set beside a running agent counts at once.
  await new Passwords(file).set('another one');
  expect(await passwords.check(PASSWORD)).toBe(false);
  expect(await passwords.check('another one')).toBe(true);
});

it('refuses what is too short or too long, and leaves what was set', async () => {
  await passwords.set(PASSWORD);
  const before = readFileSync(file, 'utf8');
  for (const wrong of ['', 'seven77', 'x'.repeat(201)]) {
    const error = await rejectionOf(passwords.set(wrong));
    expect(error.code).toBe('password-invalid');
    expect(error.message).toContain(`${wrong.length} characters`);
  }
  expect(readFileSync(file, 'utf8')).toBe(before);
});

it('lets nobody in, and nobody set a first password, where its file cannot be read', async () => {
  writeFileSync(file, 'scrypt 32768 8 3 damaged\n');
  expect(passwords.isSet).toBe(true);
  const damaged = await rejectionOf(passwords.check(PASSWORD));
  expect(damaged.code).toBe('password-unreadable');
  expect(damaged.message).toContain(file);
  expect(damaged.message).toContain('lichen password');
  // It is set anew from the device.
  await passwords.set(PASSWORD);
  expect(await passwords.check(PASSWORD)).toBe(true);
});

it('says where a password cannot be kept', async () => {
  mkdirSync(file);
  expect((await rejectionOf(passwords.set(PASSWORD))).code).toBe('password-not-kept');
  expect((await rejectionOf(passwords.check(PASSWORD))).code).toBe('password-unreadable');
  const nowhere = new Passwords(scratch.path('no', 'folder'));
  const error = await rejectionOf(nowhere.set(PASSWORD));
  expect(error.code).toBe('password-not-kept');
  expect(error.message).toContain(scratch.path('no', 'folder'));
});
