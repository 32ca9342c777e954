import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Resident memory of this process in bytes.
 * @param field `VmHWM` is the peak, `VmRSS` what it has now
 */
export function residentBytes(field: 'VmHWM' | 'VmRSS'): number {
  const { rss } = process.memoryUsage();
  try {
    const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
    return found ? Number(found[1]) * 1024 : rss;
  } catch {
    // Only Linux has the file.
    return field === 'VmHWM' ? process.resourceUsage().maxRSS * 1024 : rss;
  }
}

/** Lets the peak begin anew; where that is not possible, the peak stays that of the process's whole life. */
export function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Needs Linux, and a kernel that allows it.
  }
}

/**
 * Frees what nothing refers to any more, at once. Left to itself, the collector waits until buffers of tens of MB have
 * piled up outside its heap. It takes some milliseconds: for the moments between two phases of a work.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What has a finalizer goes with the second turn.
  collect();
  collect();
}
