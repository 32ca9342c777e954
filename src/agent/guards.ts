import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceProfile } from '../device/profile.js';
import { LichenError } from '../errors.js';
import type { Hindrance } from '../link/event-data.js';
import type { AgentConfig } from './config.js';

/** What keeps the device from training, as data and in words. */
interface Refusal {
  hindrance: Hindrance;
  reason: string;
}

export type Permission = { ok: true } | ({ ok: false } & Refusal);

/** A training that the device may not begin now; `training-not-now`. */
export class TrainingNotNow extends LichenError {
  readonly hindrance: Hindrance;

  constructor({ hindrance, reason }: Refusal) {
    super('training-not-now', `no training now: ${reason}`);
    this.hindrance = hindrance;
  }
}

/** Whether the device may train now: memory, heat, power, disk. What the system does not tell does not hinder. */
export class Guards {
  private readonly config: AgentConfig['guards'];
  private readonly profile: Pick<DeviceProfile, 'thermal'>;
  private readonly root: string;

  constructor(config: AgentConfig['guards'], profile: Pick<DeviceProfile, 'thermal'>, root = '/') {
    this.config = config;
    this.profile = profile;
    this.root = root;
  }

  async mayTrain(storeFolder: string): Promise<Permission> {
    const refusal = this.heat() ?? this.memory() ?? this.power() ?? this.disk(storeFolder);
    return refusal === undefined ? { ok: true } : { ok: false, ...refusal };
  }

  /** Of the processor, degrees Celsius; undefined where the board does not tell. */
  get celsius(): number | undefined {
    const { thermal } = this.profile;
    const milli = thermal ? this.number(thermal.path) : undefined;
    return milli === undefined ? undefined : milli / 1000;
  }

  private heat(): Refusal | undefined {
    const { celsius } = this;
    if (celsius === undefined) return undefined;
    const limit = Math.min(this.config.maxTemperature, this.profile.thermal!.limitCelsius);
    if (celsius <= limit) return undefined;
    const reason = `the processor has ${celsius.toFixed(0)} °C, training starts below ${limit} °C`;
    return { hindrance: { kind: 'heat', celsius, limit }, reason };
  }

  private memory(): Refusal | undefined {
    const kib = /^MemAvailable:\s+(\d+) kB/m.exec(this.text('/proc/meminfo') ?? '')?.[1];
    if (kib === undefined) return undefined;
    const free = Number(kib) * 1024;
    const needed = this.config.minFreeMemory;
    if (free >= needed) return undefined;
    const reason = `${mib(free)} of memory are available, training needs ${mib(needed)}`;
    return { hindrance: { kind: 'memory', free, needed }, reason };
  }

  private power(): Refusal | undefined {
    if (this.config.onBattery) return undefined;
    const folder = '/sys/class/power_supply';
    let supplies: string[];
    try {
      supplies = readdirSync(join(this.root, folder));
    } catch {
      return undefined;
    }
    const discharging = supplies.some((s) => this.text(`${folder}/${s}/status`)?.trim() === 'Discharging');
    if (!discharging) return undefined;
    return { hindrance: { kind: 'battery' }, reason: 'the device runs on battery' };
  }

  private disk(folder: string): Refusal | undefined {
    try {
      const { bavail, bsize } = statfsSync(folder);
      const free = bavail * bsize;
      const needed = this.config.minFreeDisk;
      if (free >= needed) return undefined;
      const reason = `${mib(free)} are free on the disk of ${folder}, training needs ${mib(needed)}`;
      return { hindrance: { kind: 'disk', free, needed }, reason };
    } catch {
      return undefined;
    }
  }

  private number(path: string): number | undefined {
    const text = this.text(path)?.trim();
    const value = Number(text);
    return text && Number.isFinite(value) ? value : undefined;
  }

  private text(path: string): string | undefined {
    try {
      return readFileSync(join(this.root, path), 'utf8');
    } catch {
      return undefined;
    }
  }
}

const mib = (n: number) => `${Math.round(n / 2 ** 20)} MiB`;
