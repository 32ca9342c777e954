/** Labelled inputs of one width that are read one at a time, so that nothing is kept twice. */
export interface Samples {
  readonly count: number;
  /** Values of one input. */
  readonly width: number;
  /** Class index of each. */
  readonly labels: ArrayLike<number>;
  /** Writes input `index` as `width` floats at `offset`. */
  read(index: number, into: Float32Array, offset: number): void;
}

/** Some of the samples, in the order of the indices. */
export function subset(samples: Samples, indices: readonly number[]): Samples {
  return {
    count: indices.length,
    width: samples.width,
    labels: indices.map((i) => samples.labels[i]!),
    read: (index, into, offset) => samples.read(indices[index]!, into, offset),
  };
}

/** The samples of several sets one after the other. */
export function joined(parts: readonly Samples[]): Samples {
  const places = parts.flatMap((part) => Array.from({ length: part.count }, (_, index) => ({ part, index })));
  return {
    count: places.length,
    width: parts[0]?.width ?? 0,
    labels: places.map(({ part, index }) => part.labels[index]!),
    read: (index, into, offset) => {
      const { part, index: own } = places[index]!;
      part.read(own, into, offset);
    },
  };
}
