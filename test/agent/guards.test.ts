import { describe, expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import { Guards } from '../../src/agent/guards.js';
import { fakeRoot } from '../device/fake-root.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
const thermal = { path: '/sys/class/thermal/thermal_zone0/temp', limitCelsius: 80 };
const TEMPERATURE = 'sys/class/thermal/thermal_zone0/temp';
const PLENTY = { 'proc/meminfo': 'MemTotal: 999999 kB\nMemAvailable:  800000 kB\n' };

function ask(files: Record<string, string>, settings: object = {}) {
  const root = fakeRoot(scratch.path('root'), { ...PLENTY, ...files });
  const { guards } = agentConfigSchema.parse({ guards: settings });
  return new Guards(guards, { thermal }, root).mayTrain(scratch.path());
}

describe('training may start', () => {
  it('when nothing speaks against it, or the system does not tell', async () => {
    expect(await ask({ [TEMPERATURE]: '60000\n' })).toEqual({ ok: true });
    expect(await ask({ [TEMPERATURE]: 'nonsense' })).toEqual({ ok: true });
  });

  it('on a charger, or on battery where that is allowed', async () => {
    const battery = { 'sys/class/power_supply/BAT0/status': 'Discharging\n' };
    expect(await ask({ 'sys/class/power_supply/BAT0/status': 'Charging\n' })).toEqual({ ok: true });
    expect(await ask(battery, { onBattery: true })).toEqual({ ok: true });
  });
});

describe('training waits, and says why', () => {
  it.each<[string, Record<string, string>, object, RegExp, object]>([
    [
      'when the processor is hot',
      { [TEMPERATURE]: '79000' },
      {},
      /79 °C.*below 75 °C/,
      { kind: 'heat', celsius: 79, limit: 75 },
    ],
    [
      'when it is hotter than the board stands, whatever the settings allow',
      { [TEMPERATURE]: '85000' },
      { maxTemperature: 100 },
      /85 °C.*below 80 °C/,
      { celsius: 85, limit: 80 },
    ],
    [
      'when memory is short',
      { 'proc/meminfo': 'MemAvailable: 51200 kB\n' },
      { minFreeMemory: '100 MiB' },
      /50 MiB of memory.*100 MiB/,
      { kind: 'memory', free: 50 * 2 ** 20, needed: 100 * 2 ** 20 },
    ],
    [
      'on battery',
      { 'sys/class/power_supply/BAT0/status': 'Discharging\n' },
      {},
      /battery/,
      { kind: 'battery' },
    ],
    [
      'when the disk is nearly full',
      {},
      { minFreeDisk: '1000000 GiB' },
      /free on the disk/,
      { kind: 'disk' },
    ],
  ])('%s', async (_, files, settings, reason, hindrance) => {
    expect(await ask(files, settings)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(reason),
      hindrance: expect.objectContaining(hindrance),
    });
  });
});
