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

/**
 * Keeps the heap's room for young objects at the 2 MB that it begins with; it would grow to 32, which the few objects of a daemon,
 * or of a training under a cap, never need. To be called before much was made.
 */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * The C library's allocator, told to keep freed memory in two pools, not in eight for each core, and to give it back. It reads
 * this where a program starts, so whoever starts the agent sets it: the systemd unit, the command's first line, the demo.
 */
export const LEAN_ALLOCATOR = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' } as const;

/** Whether this process was started with the lean allocator's settings, or with others as strict. */
export const hasLeanAllocator = (): boolean =>
  process.platform === 'linux' &&
  Number(process.env.MALLOC_TRIM_THRESHOLD_ ?? Number.POSITIVE_INFINITY) <=
    Number(LEAN_ALLOCATOR.MALLOC_TRIM_THRESHOLD_);
