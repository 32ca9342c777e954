import { availableParallelism, freemem, totalmem } from 'node:os';
import { boardName } from './board.js';
import type { Check } from './check.js';
import type { DeviceProfile } from './profile.js';
import { systemText } from './system-file.js';

/** The oldest Node that Lichen runs on. */
export const NODE_NEEDED = '20.19';

const GET_NODE =
  'curl -fsSL https://deb.nodesource.com/setup_22.x | sudo bash - && sudo apt-get install -y nodejs';
const GET_64_BIT = 'install the 64-bit edition of the system, such as Raspberry Pi OS (64-bit)';

/** Board, processor, memory, Node and temperature, against what the profile asks for. */
export function machineChecks(profile: DeviceProfile, root = '/'): Check[] {
  return [
    board(profile, root),
    architecture(process.arch),
    cores(profile),
    memory(profile, root),
    nodeVersion(process.versions.node),
    temperature(profile, root),
  ];
}

function board(profile: DeviceProfile, root: string): Check {
  const model = boardName(root) ?? 'a machine that does not say what it is';
  return { name: 'board', status: 'ok', found: `${model}; profile '${profile.name}' (${profile.board})` };
}

/** @param arch as process.arch has it */
export function architecture(arch: string): Check {
  const name = 'architecture';
  if (arch === 'arm64' || arch === 'x64') return { name, status: 'ok', found: arch };
  return {
    name,
    status: 'missing',
    found: arch,
    needed: 'arm64 or x64',
    howToGet: arch === 'arm' ? GET_64_BIT : 'use a 64-bit Arm or x86 machine',
  };
}

function cores(profile: DeviceProfile): Check {
  const count = availableParallelism();
  const few = count < profile.threads;
  return {
    name: 'cores',
    status: few ? 'warning' : 'ok',
    found: `${count}`,
    needed: `${profile.threads} threads of profile '${profile.name}'`,
    ...(few && { howToGet: 'name a profile with fewer threads in the settings (profile: generic-arm64)' }),
  };
}

function memory(profile: DeviceProfile, root: string): Check {
  const total = meminfo(root, 'MemTotal') ?? totalmem();
  const available = meminfo(root, 'MemAvailable') ?? freemem();
  const enough = available >= profile.memoryCapBytes;
  return {
    name: 'memory',
    status: enough ? 'ok' : 'warning',
    found: `${mib(total)} in all, ${mib(available)} available`,
    needed: `${mib(profile.memoryCapBytes)} of profile '${profile.name}'`,
    ...(!enough && {
      howToGet:
        'end what else runs here, or name a smaller profile in the settings (profile: raspberry-pi-zero-2w)',
    }),
  };
}

/** Bytes that a line of /proc/meminfo tells. */
function meminfo(root: string, line: string): number | undefined {
  const kib = new RegExp(`^${line}:\\s+(\\d+) kB`, 'm').exec(systemText(root, 'proc/meminfo') ?? '')?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** @param version as process.versions.node has it */
export function nodeVersion(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = NODE_NEEDED.split('.').map(Number);
  const enough = major > needMajor || (major === needMajor && minor >= needMinor);
  return {
    name: 'node',
    status: enough ? 'ok' : 'missing',
    found: version,
    needed: `${NODE_NEEDED} or newer`,
    ...(!enough && { howToGet: GET_NODE }),
  };
}

function temperature({ thermal }: DeviceProfile, root: string): Check {
  const name = 'temperature';
  const milli = thermal ? systemText(root, thermal.path) : undefined;
  if (thermal === null || !milli || !Number.isFinite(Number(milli))) {
    const where = thermal ? ` (${thermal.path})` : '';
    return {
      name,
      status: 'optional',
      found: `this machine tells none${where}; training is not held back by heat`,
    };
  }
  const celsius = Number(milli) / 1000;
  const hot = celsius > thermal.limitCelsius;
  return {
    name,
    status: hot ? 'warning' : 'ok',
    found: `${celsius.toFixed(0)} °C (${thermal.path})`,
    needed: `at most ${thermal.limitCelsius} °C to train`,
    ...(hot && { howToGet: 'training waits until it is cooler; give the board a heat sink or a fan' }),
  };
}

const mib = (n: number) => `${Math.round(n / 2 ** 20)} MiB`;
