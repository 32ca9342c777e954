import { expect, test } from 'vitest';
import { checkAcceptable, type DeviceTask, type DeviceView } from '../../src/pack/accept.js';
import { createPack, openPack } from '../../src/pack/pack.js';
import { adapter, content, keys } from './fixture.js';

const { manifest } = openPack(createPack(content, adapter, keys.signing), [keys.trusted]);
const [needed] = manifest.requires;

/** A device that the pack fits, but for what is given. */
function device(task?: Partial<DeviceTask>, rest: Partial<DeviceView> = {}): DeviceView {
  return {
    backbone: manifest.backbone,
    task: (name) => (task && name === 'tops' ? { classes: ['shirt'], closed: false, ...task } : undefined),
    version: (name, number) => (name === 'shoes' && number === 1 ? { sha256: needed!.sha256 } : undefined),
    ...rest,
  };
}

test('a pack is accepted by a device without the task, with the instant discriminant, or with an older version', () => {
  checkAcceptable(manifest, device());
  checkAcceptable(manifest, device({}));
  checkAcceptable(manifest, device({ current: { number: 2, sha256: 'ff' } }));
  checkAcceptable(
    manifest,
    device({}, { backbone: { ...manifest.backbone, name: 'the same under another name' } }),
  );
});

test.each<[string, string, DeviceView]>([
  [
    'pack-foreign-backbone',
    'cut at',
    device({}, { backbone: { ...manifest.backbone, sha256: '00'.repeat(32) } }),
  ],
  [
    'pack-foreign-backbone',
    "'block9.add'",
    device({}, { backbone: { ...manifest.backbone, split: 'block9.add' } }),
  ],
  ['pack-task-closed', 'closed', device({ closed: true })],
  ['pack-already-current', 'exactly', device({ current: { number: 3, sha256: manifest.adapter.sha256 } })],
  ['pack-older', 'version 3', device({ current: { number: 3, sha256: 'ff' } })],
  ['pack-older', 'version 9', device({ current: { number: 9, sha256: 'ff' } })],
  ['pack-lost-classes', "'hat', 'scarf'", device({ classes: ['hat', 'shirt', 'scarf'] })],
  ['pack-missing-requirement', 'is not on this device', device({}, { version: () => undefined })],
  ['pack-missing-requirement', 'is another one', device({}, { version: () => ({ sha256: '00' }) })],
])('%s: %s', (code, text, view) => {
  expect(() => checkAcceptable(manifest, view)).toThrow(
    expect.objectContaining({ name: 'LichenError', code, message: expect.stringContaining(text) }),
  );
});
