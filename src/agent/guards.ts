import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceProfile } from '../device/profile.js';
import type { AgentConfig } from './config.js';

export type Permission = { ok: true } | { ok: false; reason: string };

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
    const reason = this.heat() ?? this.memory() ?? this.power() ?? this.disk(storeFolder);
    return reason === undefined ? { ok: true } : { ok: false, reason };
  }

  /** Of the processor, degrees Celsius; undefined where the board does not tell. */
  get celsius(): number | undefined {
    const { thermal } = this.profile;
    const milli = thermal ? this.number(thermal.path) : undefined;
    return milli === undefined ? undefined : milli / 1000;
  }

  private heat(): string | undefined {
    const { celsius } = this;
    if (celsius === undefined) return undefined;
    const limit = Math.min(this.config.maxTemperature, this.profile.thermal!.limitCelsius);
    return celsius > limit
      ? `the processor has ${celsius.toFixed(0)} °C, training starts below ${limit} °C`
      : undefined;
  }

  private memory(): string | undefined {
    const kib = /^MemAvailable:\s+(\d+) kB/m.exec(this.text('/proc/meminfo') ?? '')?.[1];
    if (kib === undefined) return undefined;
    const free = Number(kib) * 1024;
    if (free >= this.config.minFreeMemory) return undefined;
    return `${mib(free)} of memory are available, training needs ${mib(this.config.minFreeMemory)}`;
  }

  private power(): string | undefined {
    if (this.config.onBattery) return undefined;
    const folder = '/sys/class/power_supply';
    let supplies: string[];
    try {
      supplies = readdirSync(join(this.root, folder));
    } catch {
      return undefined;
    }
    const discharging = supplies.some((s) => this.text(`${folder}/${s}/status`)?.trim() === 'Discharging');
    return discharging ? 'the device runs on battery' : undefined;
  }

  private disk(folder: string): string | undefined {
    try {
      const { bavail, bsize } = statfsSync(folder);
      const free = bavail * bsize;
      if (free >= this.config.minFreeDisk) return undefined;
      return `${mib(free)} are free on the disk of ${folder}, training needs ${mib(this.config.minFreeDisk)}`;
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
