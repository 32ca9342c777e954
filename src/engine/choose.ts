import type { Engine, EngineChoice } from './engine.js';
import { OrtEngine } from './ort.js';
import { TfjsEngine } from './tfjs.js';

/**
 * The engine that a setting names. TensorFlow.js is only ever its native library here: in JavaScript a training
 * would take hours.
 * @throws LichenError `engine-unavailable` where TensorFlow.js cannot load: why, and what to do
 */
export function openEngine(choice: EngineChoice): Engine {
  return choice === 'tfjs' ? TfjsEngine.open() : new OrtEngine();
}
