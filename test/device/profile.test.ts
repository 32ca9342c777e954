import { describe, expect, it } from 'vitest';
import { chooseProfile, detectProfile, listProfiles, loadProfile } from '../../src/device/profile.js';
import { scratchFolder } from '../store/scratch.js';
import { fakeRoot } from './fake-root.js';

const scratch = scratchFolder();

describe('board profiles', () => {
  it('are there for the boards that Lichen names', () => {
    expect(listProfiles()).toEqual([
      'generic-arm64',
      'generic-x86',
      'jetson-nano',
      'jetson-orin-nano',
      'raspberry-pi-3',
      'raspberry-pi-4',
      'raspberry-pi-5',
      'raspberry-pi-zero-2w',
    ]);
  });

  it.each(listProfiles())('%s is whole, and keeps its caps below its memory', (name) => {
    const p = loadProfile(name);
    expect(p.name).toBe(name);
    expect(p.threads).toBeGreaterThanOrEqual(1);
    expect(p.replayCapBytes).toBeLessThan(p.memoryCapBytes);
    expect(p.replayCapBytes).toBeGreaterThanOrEqual(2 ** 20);
    if (p.thermal) expect(p.thermal.path).toMatch(/^\/sys\//);
  });

  it.each([
    ['Raspberry Pi Zero 2 W Rev 1.0', 'raspberry-pi-zero-2w'],
    ['Raspberry Pi 3 Model B Plus Rev 1.3', 'raspberry-pi-3'],
    ['Raspberry Pi 4 Model B Rev 1.5', 'raspberry-pi-4'],
    ['Raspberry Pi 5 Model B Rev 1.0', 'raspberry-pi-5'],
    ['NVIDIA Jetson Nano Developer Kit', 'jetson-nano'],
    ['NVIDIA Jetson Orin Nano Developer Kit', 'jetson-orin-nano'],
    ['Some Other Board', 'generic-arm64'],
  ])('knows %s by its device tree', (model, name) => {
    // The kernel ends the text with a zero byte.
    const root = fakeRoot(scratch.path(), { 'proc/device-tree/model': `${model}\0` });
    expect(detectProfile(root, 'arm64').name).toBe(name);
    expect(chooseProfile('auto', root).name).toBe(
      name === 'generic-arm64' && process.arch === 'x64' ? 'generic-x86' : name,
    );
  });

  it('goes by the processor where there is no device tree', () => {
    expect(detectProfile(scratch.path(), 'arm64').name).toBe('generic-arm64');
    expect(detectProfile(scratch.path(), 'x64').name).toBe('generic-x86');
  });

  it('takes the one that the settings name, and says which there are', () => {
    expect(chooseProfile('raspberry-pi-3', scratch.path()).name).toBe('raspberry-pi-3');
    expect(() => chooseProfile('raspberry-pi-9')).toThrow(
      /no board profile 'raspberry-pi-9'; known: auto, .*raspberry-pi-5/,
    );
    expect(() => chooseProfile('../package')).toThrow(/no board profile/);
  });
});
