import type { Check } from './check.js';
import type { DeviceProfile } from './profile.js';
import { programPath } from './program-path.js';
import { systemNames, systemText } from './system-file.js';

/** Programs that take pictures or record sound, with the Debian packages that hold them. */
const PROGRAMS = [
  {
    program: 'rpicam-still',
    get: 'sudo apt-get install rpicam-apps-lite',
    on: 'Raspberry Pi OS 12 or newer',
  },
  { program: 'libcamera-still', get: 'sudo apt-get install libcamera-apps-lite', on: 'Raspberry Pi OS 11' },
  { program: 'ffmpeg', get: 'sudo apt-get install ffmpeg', on: 'any Debian or Ubuntu' },
  {
    program: 'gst-launch-1.0',
    get: 'sudo apt-get install gstreamer1.0-tools gstreamer1.0-plugins-good',
    on: 'any Debian or Ubuntu; a Jetson has it',
  },
  { program: 'arecord', get: 'sudo apt-get install alsa-utils', on: 'any Debian or Ubuntu' },
] as const;

/** Cameras that the kernel knows, and programs that take pictures with them. None is needed to watch a folder. */
export function cameraChecks(profile: DeviceProfile, root = '/', searchPath = process.env.PATH): Check[] {
  return [devices(root), ...PROGRAMS.map((p) => program(p, profile, searchPath))];
}

function devices(root: string): Check {
  const name = 'cameras';
  const found = systemNames(root, 'dev')
    .filter((n) => /^video\d+$/.test(n))
    .map((n) => {
      const called = systemText(root, `sys/class/video4linux/${n}/name`);
      return called ? `/dev/${n} (${called})` : `/dev/${n}`;
    });
  if (found.length > 0) return { name, status: 'ok', found: found.join(', ') };
  return {
    name,
    status: 'optional',
    found: 'no /dev/video*; folders of pictures work without',
    howToGet: 'connect a camera; see it with: sudo apt-get install v4l-utils && v4l2-ctl --list-devices',
  };
}

function program(
  { program, get, on }: (typeof PROGRAMS)[number],
  profile: DeviceProfile,
  searchPath: string | undefined,
): Check {
  const found = programPath(program, searchPath);
  const needed =
    profile.camera?.program === program ? `for the camera of profile '${profile.name}'` : undefined;
  if (found) return { name: program, status: 'ok', found, needed };
  return { name: program, status: 'optional', found: 'not on PATH', needed, howToGet: `${get} (${on})` };
}
