import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { expectRefusal, withOddLayer } from '../agent/odd-crown.js';
import { writeTiny } from '../backbone/tiny-backbone.js';
import { lichen } from './lichen.js';

const folder = mkdtempSync(join(tmpdir(), 'lichen-e2e-crown-'));
const odd = writeTiny(join(folder, 'odd'), {}, withOddLayer());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a crown that no gradient passes is refused', () => {
  it('by lichen learn, before it reads a picture', async () => {
    // Folders without a picture would be an error of their own, which comes later.
    const data = join(folder, 'data');
    for (const label of ['a', 'b']) mkdirSync(join(data, label), { recursive: true });
    const store = join(folder, 'learned');
    const learn = ['learn', '--data', data, '--task', 'goods', '--backbone', odd, '--store', store];
    const { code, out, err } = await lichen(learn);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expectRefusal(err, odd, '--method piggyback');
    expect(err).not.toContain('Reading');
  });

  it('by lichen agent when it starts, before it watches anything', async () => {
    const file = join(folder, 'agent.yaml');
    const store = join(folder, 'store');
    const mqtt = { url: 'mqtt://127.0.0.1:9' };
    writeFileSync(file, stringify({ store, mqtt, backbone: odd, profile: 'generic-x86' }));
    const { code, err } = await lichen(['agent', '--config', file]);
    expect(code).toBe(2);
    expectRefusal(err, odd, 'learn.isolation: piggyback');
    expect(existsSync(join(store, 'replay.slab'))).toBe(false);
  });
});
