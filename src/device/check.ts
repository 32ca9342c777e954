/** `missing` is needed and not there; `warning` works, but not as it should; `optional` is not there and not needed. */
export type CheckStatus = 'ok' | 'warning' | 'missing' | 'optional';

/** One thing that doctor looked at. */
export interface Check {
  name: string;
  status: CheckStatus;
  /** What is there. */
  found: string;
  /** What is needed, where that is not plain from the name. */
  needed?: string;
  /** What to do about it: commands and package names, where something can be done. */
  howToGet?: string;
}
