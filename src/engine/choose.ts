import type { Engine } from './engine.js';
import { OrtEngine } from './ort.js';
import { TfjsEngine } from './tfjs.js';

/** The engines by the names that settings and options give them; `auto` is ONNX Runtime. */
export const ENGINES = ['auto', 'ort', 'tfjs'] as const;
export type EngineChoice = (typeof ENGINES)[number];

/**
 * The engine that a setting names.
 * @throws LichenError `engine-unavailable` where TensorFlow.js cannot load: why, and what to do
 */
export function openEngine(choice: EngineChoice): Engine {
  return choice === 'tfjs' ? TfjsEngine.open() : new OrtEngine();
}
