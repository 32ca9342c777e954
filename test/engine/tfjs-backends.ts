import { TfjsEngine } from '../../src/engine/tfjs.js';

/** A backend to test on, or why it is not tested. */
export interface TestedBackend {
  title: string;
  engine?: TfjsEngine;
}

/**
 * The pure-JS backend always, and the native one where LICHEN_TFJS_NODE says where it was built. That it is named
 * and does not load is an error, not a reason to skip.
 */
export function testedBackends(): TestedBackend[] {
  const script = TfjsEngine.open({ backend: 'javascript' });
  const backends: TestedBackend[] = [{ title: `in JavaScript (${script.version})`, engine: script }];
  if (process.env.LICHEN_TFJS_NODE) {
    const native = TfjsEngine.open();
    backends.push({ title: `natively (backend ${native.backend}, ${native.version})`, engine: native });
  } else {
    backends.push({ title: 'natively: skipped, since LICHEN_TFJS_NODE names no folder where it was built' });
  }
  return backends;
}
