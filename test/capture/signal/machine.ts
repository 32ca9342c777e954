import { Random } from '../../../src/random.js';
import { gaussian } from './noise.js';

/** What is the matter with a machine. */
export type Condition = 'healthy' | 'imbalance' | 'outer-race';

/** A deep-groove ball bearing 6205 (SKF): 9 balls, ball and pitch diameter in mm, contact angle 0. */
const BALLS = 9;
const BALL_MM = 7.94;
const PITCH_MM = 39.04;

/** How often a ball passes a defect of the outer race, for each turn of the shaft. */
export const BALL_PASS_OUTER = (BALLS / 2) * (1 - BALL_MM / PITCH_MM);

/**
 * An accelerometer's signal at a bearing's housing, from the textbook formulas (Randall & Antoni, 'Rolling element
 * bearing diagnostics: a tutorial', MSSP 25, 2011). Every machine runs: sines at the shaft's speed and its harmonics,
 * and noise. Imbalance is a far stronger sine at the speed itself, growing with its square. A defect of the outer race
 * is a train of impulses at the ball pass frequency, each ringing at a resonance of the housing, the times between
 * them jittered by the balls' slip of about one per cent.
 * @param seed of everything that differs between recordings: speed, load, noise, phases
 * @param severity 1 is a fault that is seen in the waveform
 */
export function machine(
  condition: Condition,
  seconds: number,
  rate: number,
  seed: number,
  severity = 1,
): Float32Array {
  const random = new Random(seed);
  const between = (low: number, high: number) => low + (high - low) * random.next();
  const speed = between(22, 32);
  const load = between(0.7, 1.4);
  const phases = [1, 2, 3].map(() => between(0, 2 * Math.PI));
  const imbalance = condition === 'imbalance' ? severity * between(0.35, 0.6) * (speed / 27) ** 2 : 0;
  const noise = between(0.02, 0.04);
  const out = Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) => {
    const turn = 2 * Math.PI * speed * (i / rate);
    const running = 0.04 * Math.sin(turn + phases[0]!) + 0.02 * Math.sin(2 * turn + phases[1]!);
    const harmonic = 0.01 * Math.sin(3 * turn + phases[2]!);
    return load * (running + harmonic) + imbalance * Math.sin(turn + phases[0]!) + noise * gaussian(random);
  });
  if (condition === 'outer-race')
    addImpulses(out, rate, speed * BALL_PASS_OUTER, severity * between(0.2, 0.4) * load, random);
  return out;
}

function addImpulses(
  out: Float32Array,
  rate: number,
  frequency: number,
  height: number,
  random: Random,
): void {
  const resonance = 2900 + 300 * random.next();
  const decay = 900;
  const rings = Math.round(0.006 * rate);
  for (let t = random.next() / frequency; t * rate < out.length; ) {
    const at = Math.round(t * rate);
    for (let k = 0; k < rings && at + k < out.length; k++) {
      const after = k / rate;
      out[at + k]! += height * Math.exp(-decay * after) * Math.sin(2 * Math.PI * resonance * after);
    }
    t += (1 + 0.01 * gaussian(random)) / frequency;
  }
}
