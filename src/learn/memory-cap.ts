import type { EngineChoice } from '../engine/engine.js';

/**
 * Why no training can be kept below a cap of resident memory with an engine; undefined where it can. A cap is kept by a
 * plan, and the plan by what ONNX Runtime's trainings were measured to take.
 */
export const capObstacle = (engine: EngineChoice): string | undefined =>
  engine === 'tfjs'
    ? 'no cap of resident memory can be kept with the engine tfjs: TensorFlow takes memory by rules of its own, and what a ' +
      'training comes to is only known for ONNX Runtime. Use the engine ort, or no cap'
    : undefined;
