/** A place in the order of one device's messages: the start of its program, then the number within its store. */
export interface Place {
  boot: number;
  seq: number;
}

/** Negative when a is before b, 0 when they are the same place, positive when a is after b. */
export function comparePlaces(a: Place, b: Place): number {
  return a.boot - b.boot || a.seq - b.seq;
}
