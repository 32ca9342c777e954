/** What is answered for a sample. */
export interface Answer {
  task: string;
  label: string;
  probability: number;
  /** Number of the version that answered, be it with corrections by later labels, or `instant`. */
  version: number | 'instant';
  /** Every class with its probability, likeliest first. */
  all: { label: string; probability: number }[];
  /** Whether no class of the task that was named, or of any where none was, explains the sample; never where novelty is not asked for or cannot be told yet. */
  novel: boolean;
  /** Share of known samples that look at least as novel, where it can be told. */
  pValue?: number;
}
