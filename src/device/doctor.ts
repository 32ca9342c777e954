import type { AgentConfig } from '../agent/config.js';
import { defaultManifest } from '../backbone/manifest.js';
import { type BrokerSettings, brokerCheck } from './broker-check.js';
import { cameraChecks } from './camera-checks.js';
import type { Check } from './check.js';
import { engineChecks } from './engine-checks.js';
import { machineChecks } from './machine-checks.js';
import { chooseProfile, type DeviceProfile } from './profile.js';
import { serviceChecks } from './service-checks.js';
import { fileChecks, storeCheck } from './storage-checks.js';

export interface DoctorOptions {
  /** The agent's settings. */
  config: AgentConfig;
  /** The broker to ask; none is asked unless given. */
  broker?: BrokerSettings;
  /** Where /proc, /sys, /dev and /run are looked for. */
  root?: string;
  /** Where programs are looked for, as PATH. */
  searchPath?: string;
  /** The folder that native libraries are loaded from; Lichen's own unless given. */
  packages?: string;
}

/** What this machine can do. */
export interface Diagnosis {
  /** Whether everything that is needed is there. */
  ok: boolean;
  profile: DeviceProfile;
  checks: Check[];
}

/**
 * Looks at everything that the agent needs and says what is there. It changes nothing, and no finding makes it throw.
 * @throws LichenError `profile-unknown` for a profile that the settings name, `link-url-invalid`
 */
export async function examine(options: DoctorOptions): Promise<Diagnosis> {
  const { config, broker, root = '/', searchPath = process.env.PATH, packages } = options;
  const profile = chooseProfile(config.profile, root);
  const need = config.replay.cap + config.mqtt.outboxCap + config.guards.minFreeDisk;
  const checks = [
    ...machineChecks(profile, root),
    ...(await engineChecks(packages, config.engine)),
    ...fileChecks(config.backbone ?? defaultManifest(), config.packs.trustedKeys),
    storeCheck(config.store, need),
    await brokerCheck(broker),
    ...cameraChecks(profile, root, searchPath),
    ...serviceChecks(root, searchPath),
  ];
  return { ok: checks.every((c) => c.status !== 'missing'), profile, checks };
}
