import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import type { Check } from '../../src/device/check.js';
import { type DoctorOptions, examine } from '../../src/device/doctor.js';
import { AedesBroker } from '../link/brokers.js';
import { scratchFolder } from '../store/scratch.js';
import { fakeRoot } from './fake-root.js';

const scratch = scratchFolder();

function configured(settings: object = {}) {
  return agentConfigSchema.parse({ store: scratch.path('store'), ...settings });
}

async function found(name: string, options: Partial<DoctorOptions> = {}): Promise<Check> {
  const { checks } = await examine({ config: configured(), ...options });
  const check = checks.find((c) => c.name === name);
  expect(check, `a check named ${name}`).toBeDefined();
  return check!;
}

describe('doctor', () => {
  it('finds this machine fit: every engine does a little of its work', async () => {
    const { ok, checks, profile } = await examine({ config: configured() });
    const byName = new Map(checks.map((c) => [c.name, c]));
    for (const name of ['onnxruntime', 'sharp', 'libsql', 'backbone', 'node'])
      expect(byName.get(name), name).toMatchObject({ status: 'ok' });
    expect(byName.get('onnxruntime')!.found).toMatch(/^1\.27\.0/);
    expect(profile.name).toMatch(/^generic-/);
    expect(ok).toBe(true);
  });

  it('says how to get everything that is not there', async () => {
    const { checks } = await examine({ config: configured(), searchPath: scratch.path() });
    const absent = checks.filter((c) => c.status === 'missing' || c.status === 'warning');
    for (const check of absent) expect(check.howToGet, check.name).toBeTruthy();
    expect(checks.find((c) => c.name === 'ffmpeg')).toMatchObject({
      status: expect.stringMatching(/optional|warning/),
      howToGet: expect.stringContaining('apt-get install ffmpeg'),
    });
  });

  it('finds native libraries that are not installed', async () => {
    const { ok, checks } = await examine({ config: configured(), packages: scratch.path() });
    expect(ok).toBe(false);
    expect(checks.find((c) => c.name === 'sharp')).toMatchObject({
      status: 'missing',
      howToGet: expect.stringContaining('npm ci'),
    });
  });

  it.each([
    ['auto', 'optional'],
    ['tfjs', 'missing'],
  ])("says of TensorFlow, with the engine '%s', that it is %s", async (engine, status) => {
    const options = { config: configured({ engine }), packages: scratch.path() };
    const tensorflow = await found('tensorflow', options);
    expect(tensorflow).toMatchObject({
      status,
      found: expect.stringContaining("Cannot find module '@tensorflow/tfjs-node'"),
      howToGet: expect.stringContaining('scripts/build-tfjs-node.sh'),
    });
  });

  it('finds a backbone that is not what its manifest says', async () => {
    const manifest = scratch.path('manifest.json');
    const model = join(defaultManifest(), '..', 'efficientnet-lite0.onnx');
    writeFileSync(
      manifest,
      JSON.stringify({
        format: 1,
        name: 'other',
        file: model,
        sha256: '0'.repeat(64),
        licence: 'none',
        source: 'test',
        input: { name: 'image', width: 224, height: 224, layout: 'NCHW', colour: 'RGB', mean: 127, std: 128 },
        features: 'features',
        split: 'block14.add',
      }),
    );
    const config = configured({ backbone: manifest });
    expect(await found('backbone', { config })).toMatchObject({ status: 'missing' });
  });

  it('reads the temperature, and warns of heat', async () => {
    const root = fakeRoot(scratch.path('root'), {
      'proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.5\0',
      'sys/class/thermal/thermal_zone0/temp': '91500\n',
    });
    const check = await found('temperature', { root });
    expect(check.status).toBe('warning');
    expect(check.found).toMatch(/9[12]/);
  });

  describe('and the broker', () => {
    it('is not asked unless one is named', async () => {
      expect(await found('broker')).toMatchObject({ status: 'optional', found: 'not asked' });
    });

    it('is reached when it runs, and missing when it does not', async () => {
      const broker = new AedesBroker();
      await broker.start();
      const settings = { url: broker.url, protocol: 4 as const };
      try {
        expect(await found('broker', { broker: settings })).toMatchObject({ status: 'ok' });
      } finally {
        await broker.remove();
      }
      expect(await found('broker', { broker: settings })).toMatchObject({
        status: 'missing',
        howToGet: expect.stringContaining('lichen hub'),
      });
    });
  });
});
