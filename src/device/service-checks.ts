import type { Check } from './check.js';
import { programPath } from './program-path.js';
import { systemNames, systemText } from './system-file.js';

/** What a service under systemd needs. A machine without systemd runs the agent by hand or in a container. */
export function serviceChecks(root = '/', searchPath = process.env.PATH): Check[] {
  const running = systemNames(root, 'run/systemd').includes('system');
  return running
    ? [systemd(searchPath), memoryLimit(root)]
    : [
        {
          name: 'systemd',
          status: 'optional',
          found: 'does not run here',
          howToGet: 'without it, start the agent by hand or from what supervises services here: lichen agent',
        },
      ];
}

function systemd(searchPath: string | undefined): Check {
  const name = 'systemd';
  const notify = programPath('systemd-notify', searchPath);
  if (notify) return { name, status: 'ok', found: `runs; ${notify}` };
  return {
    name,
    status: 'warning',
    found: 'runs, but systemd-notify is not on PATH',
    needed: 'so that the units of systemd/ know when the service is ready and alive',
    howToGet: 'sudo apt-get install systemd',
  };
}

/** MemoryMax of a unit does nothing where the kernel was started without the memory controller, as on a Raspberry Pi. */
function memoryLimit(root: string): Check {
  const name = 'memory limit';
  const unified = systemText(root, 'sys/fs/cgroup/cgroup.controllers')?.split(' ').includes('memory');
  const legacy = systemNames(root, 'sys/fs/cgroup').includes('memory');
  if (unified || legacy) return { name, status: 'ok', found: 'the kernel keeps services under MemoryMax' };
  return {
    name,
    status: 'warning',
    found: 'the kernel runs without its memory controller: MemoryMax of the units does nothing',
    howToGet:
      'add cgroup_enable=memory to the one line of /boot/firmware/cmdline.txt (Raspberry Pi OS) and restart',
  };
}
