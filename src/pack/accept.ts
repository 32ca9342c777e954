import { LichenError } from '../errors.js';
import type { PackManifest } from './manifest.js';

/** A task of the device, as far as a pack for it is concerned. */
export interface DeviceTask {
  classes: readonly string[];
  closed: boolean;
  /** What it runs; undefined is the instant discriminant. */
  current?: { number: number; sha256: string };
}

/** What a device knows when a pack arrives. */
export interface DeviceView {
  backbone: { name: string; sha256: string; split: string };
  /** The task of that name; undefined where the device does not have it yet. */
  task(name: string): DeviceTask | undefined;
  /** The version of that number; undefined where the device does not have it. */
  version(task: string, number: number): { sha256: string } | undefined;
}

/**
 * Returns when a verified pack may be installed on a device; what it is worth there is judged afterwards, on
 * the device's own held-out samples.
 *
 * @throws LichenError `pack-foreign-backbone`, `pack-task-closed`, `pack-already-current`, `pack-older`,
 *   `pack-lost-classes`, `pack-missing-requirement`
 */
export function checkAcceptable(manifest: PackManifest, device: DeviceView): void {
  const refuse = (code: string, why: string) =>
    new LichenError(
      code,
      `The pack of task '${manifest.task}', version ${manifest.version}, was refused: ${why}`,
    );
  const { backbone } = manifest;
  if (backbone.sha256 !== device.backbone.sha256 || backbone.split !== device.backbone.split) {
    throw refuse(
      'pack-foreign-backbone',
      `it is for ${describe(backbone)}, this device runs ${describe(device.backbone)}. Send a pack made for this backbone and split.`,
    );
  }
  const task = device.task(manifest.task);
  if (task?.closed) throw refuse('pack-task-closed', 'the task is closed on this device and stays as it is.');
  if (task?.current) {
    const { number, sha256 } = task.current;
    if (number === manifest.version && sha256 === manifest.adapter.sha256) {
      throw refuse('pack-already-current', 'the device runs exactly this version already.');
    }
    if (number >= manifest.version) {
      throw refuse(
        'pack-older',
        `the device runs version ${number}, and only a higher number replaces it. Roll the device back, or send a newer version.`,
      );
    }
  }
  const lost = task?.classes.filter((label) => !manifest.classes.includes(label)) ?? [];
  if (lost.length > 0) {
    throw refuse(
      'pack-lost-classes',
      `it does not know ${lost.map((label) => `'${label}'`).join(', ')}, which the task on this device has.`,
    );
  }
  for (const needed of manifest.requires) {
    const found = device.version(needed.task, needed.version);
    if (found?.sha256 === needed.sha256) continue;
    const state = found ? 'is another one on this device' : 'is not on this device';
    throw refuse(
      'pack-missing-requirement',
      `it needs version ${needed.version} of task '${needed.task}' (${needed.sha256.slice(0, 12)}...), which ${state}. Send that one first.`,
    );
  }
}

function describe({ name, sha256, split }: DeviceView['backbone']): string {
  return `'${name}' (${sha256.slice(0, 12)}...) cut at '${split}'`;
}
