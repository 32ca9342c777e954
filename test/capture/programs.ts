import { spawnSync } from 'node:child_process';

/**
 * Whether tests with a program run here. In CI they always do, and fail where it is missing; elsewhere they are
 * skipped with this reason.
 */
export function needed(program: string, packages: string, args: readonly string[] = ['--version']) {
  return {
    runs: process.env.CI !== undefined || spawnSync(program, args).error === undefined,
    reason: `skipped: ${program} is not installed (Debian: apt-get install ${packages})`,
  };
}

export const ffmpeg = needed('ffmpeg', 'ffmpeg', ['-version']);
export const gstreamer = needed('gst-launch-1.0', 'gstreamer1.0-tools gstreamer1.0-plugins-good');
export const espeak = needed('espeak-ng', 'espeak-ng');
