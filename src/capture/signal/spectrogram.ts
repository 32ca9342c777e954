import { PowerSpectrum } from './fft.js';

export interface SpectrogramOptions {
  /** Samples a second. */
  rate: number;
  /** Samples that one column is computed from. */
  window: number;
  /** Samples from one column to the next. */
  hop: number;
  /** Rows. */
  bands: number;
  /** How bands are spread over the frequencies: as hearing has it, or evenly. */
  scale: 'mel' | 'linear';
  /** Lowest and highest frequency, Hz. */
  low: number;
  high: number;
}

/** Settings of a spectrogram as they are given: times in milliseconds. */
export interface SpectrogramSettings extends Pick<SpectrogramOptions, 'rate' | 'bands' | 'scale' | 'low'> {
  window: number;
  hop: number;
  /** Half the rate where it is left out. */
  high?: number | undefined;
}

/**
 * The same spectrogram of a signal of another rate: the same bands, the same times.
 * @param rate of the signal; samples a second
 */
export function spectrogramAt(settings: SpectrogramSettings, rate: number): SpectrogramOptions {
  const { bands, scale, low } = settings;
  const samplesIn = (ms: number) => Math.max(1, Math.round((ms / 1000) * rate));
  const nyquist = settings.rate / 2;
  return {
    ...{ rate, bands, scale, low },
    window: samplesIn(settings.window),
    hop: samplesIn(settings.hop),
    high: Math.min(settings.high ?? nyquist, nyquist),
  };
}

/** A filter: its first frequency's index, and a weight for each frequency from there on. */
interface Filter {
  first: number;
  weights: Float64Array;
}

/** Power below this is as this: -120 dB of full scale. */
const FLOOR = 1e-12;

/**
 * Columns of logarithmic band energies of a signal: a Hann window, the power spectrum, triangular filters that overlap
 * by half (Davis & Mermelstein, IEEE Trans. ASSP 28(4), 1980) and a natural logarithm. The mel scale is
 * 2595 log10(1 + f / 700) (O'Shaughnessy, 'Speech communication', 1987).
 */
export class Spectrogram {
  readonly options: SpectrogramOptions;
  private readonly spectrum: PowerSpectrum;
  private readonly hann: Float64Array;
  private readonly filters: readonly Filter[];

  constructor(options: SpectrogramOptions) {
    const { window } = options;
    this.options = options;
    this.spectrum = new PowerSpectrum(2 ** Math.ceil(Math.log2(Math.max(2, window))));
    const full = Float64Array.from(
      { length: window },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window),
    );
    // Of a sine of full scale, the band that holds it has a power near 1, whatever the window.
    const sum = full.reduce((a, b) => a + b, 0);
    this.hann = full.map((w) => (2 * w) / sum);
    this.filters = filtersOf(options, this.spectrum.size);
  }

  /** How many columns so many samples give. */
  columns(samples: number): number {
    const { window, hop } = this.options;
    return samples < window ? 0 : 1 + Math.floor((samples - window) / hop);
  }

  /** @returns [columns x bands], column by column, the lowest band first */
  of(samples: Float32Array): Float32Array {
    const { window, hop, bands } = this.options;
    const columns = this.columns(samples.length);
    const out = new Float32Array(columns * bands);
    const frame = new Float64Array(window);
    const power = new Float64Array(this.spectrum.size / 2 + 1);
    for (let c = 0; c < columns; c++) {
      for (let i = 0; i < window; i++) frame[i] = samples[c * hop + i]! * this.hann[i]!;
      this.spectrum.of(frame, power);
      this.filters.forEach(({ first, weights }, b) => {
        let energy = 0;
        for (let k = 0; k < weights.length; k++) energy += weights[k]! * power[first + k]!;
        out[c * bands + b] = Math.log(energy + FLOOR);
      });
    }
    return out;
  }
}

/** Triangles between band edges that are evenly spread over the scale. */
function filtersOf({ rate, bands, scale, low, high }: SpectrogramOptions, size: number): Filter[] {
  const to = scale === 'mel' ? melOf : (f: number) => f;
  const from = scale === 'mel' ? hertzOf : (f: number) => f;
  const edges = Array.from({ length: bands + 2 }, (_, i) =>
    from(to(low) + ((to(high) - to(low)) * i) / (bands + 1)),
  );
  const step = rate / size;
  return Array.from({ length: bands }, (_, b) => {
    const [left, centre, right] = edges.slice(b, b + 3) as [number, number, number];
    const first = Math.min(size / 2, Math.ceil(left / step));
    const last = Math.max(first, Math.min(size / 2, Math.floor(right / step)));
    const weights = Float64Array.from({ length: last - first + 1 }, (_, k) => {
      const f = (first + k) * step;
      return Math.max(0, f <= centre ? (f - left) / (centre - left) : (right - f) / (right - centre));
    });
    // A triangle narrower than the frequencies' spacing may hold none of them: it has the nearest one then.
    return weights.some((w) => w > 0)
      ? { first, weights }
      : { first: Math.min(size / 2, Math.round(centre / step)), weights: Float64Array.of(1) };
  });
}

const melOf = (hertz: number) => 2595 * Math.log10(1 + hertz / 700);
const hertzOf = (mel: number) => 700 * (10 ** (mel / 2595) - 1);
