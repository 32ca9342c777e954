/** Watches a stream of numbers for a change of their distribution. */
export interface DriftDetector {
  /** Takes a value in; true when the stream has changed. */
  add(value: number): boolean;
  /** Forgets all values. */
  reset(): void;
}
