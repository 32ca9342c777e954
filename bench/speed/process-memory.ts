import { readFileSync, writeFileSync } from 'node:fs';

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
