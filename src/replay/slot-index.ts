/**
 * What is kept in memory for each slot: `INDEX_BYTES_PER_SLOT`, allocated once, whether the slot is used or
 * not. Plain arrays, so that the bytes are what layout.ts says they are. A group's number is 1 or more; 0 marks
 * an empty slot.
 */
export class SlotIndex {
  readonly slots: number;
  /** How many slots are used. */
  size = 0;
  private readonly ids: Uint32Array;
  private readonly times: Float64Array;
  private readonly orders: Float64Array;
  private readonly groups: Uint16Array;

  constructor(slots: number) {
    this.slots = slots;
    this.ids = new Uint32Array(4 * slots);
    this.times = new Float64Array(slots);
    this.orders = new Float64Array(slots);
    this.groups = new Uint16Array(slots);
  }

  get bytes(): number {
    return this.ids.byteLength + this.times.byteLength + this.orders.byteLength + this.groups.byteLength;
  }

  /** The slot of a sample; -1 when it is not here. */
  find(id: string): number {
    const [a, b, c, d] = words(id);
    for (let slot = 0, at = 0; slot < this.slots; slot++, at += 4) {
      if (
        this.ids[at] === a &&
        this.ids[at + 1] === b &&
        this.ids[at + 2] === c &&
        this.ids[at + 3] === d &&
        this.groups[slot] !== 0
      ) {
        return slot;
      }
    }
    return -1;
  }

  /** The first empty slot; -1 when all are used. */
  firstEmpty(): number {
    return this.groups.indexOf(0);
  }

  set(slot: number, id: string, group: number, at: number, order: number): void {
    if (this.groups[slot] === 0) this.size++;
    this.ids.set(words(id), 4 * slot);
    this.groups[slot] = group;
    this.times[slot] = at;
    this.orders[slot] = order;
  }

  clear(slot: number): void {
    if (this.groups[slot] !== 0) this.size--;
    this.groups[slot] = 0;
  }

  /** The number of the group of the sample in a slot; 0 for an empty slot. */
  group(slot: number): number {
    return this.groups[slot]!;
  }

  id(slot: number): string {
    let id = '';
    for (let at = 4 * slot; at < 4 * slot + 4; at++) id += this.ids[at]!.toString(16).padStart(8, '0');
    return id;
  }

  /** Negative, zero or positive as the id in slot a sorts before, with or after that in slot b. */
  compareIds(a: number, b: number): number {
    for (let i = 0; i < 4; i++) {
      const difference = this.ids[4 * a + i]! - this.ids[4 * b + i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }

  at(slot: number): number {
    return this.times[slot]!;
  }

  order(slot: number): number {
    return this.orders[slot]!;
  }

  /** The used slots, or those of one group, in the order in which their samples were written. */
  used(group?: number): number[] {
    const found: number[] = [];
    for (let slot = 0; slot < this.slots; slot++) {
      const own = this.groups[slot]!;
      if (own !== 0 && (group === undefined || own === group)) found.push(slot);
    }
    return found.sort((a, b) => this.orders[a]! - this.orders[b]!);
  }
}

function words(id: string): [number, number, number, number] {
  const word = (i: number) => Number.parseInt(id.slice(8 * i, 8 * i + 8), 16);
  return [word(0), word(1), word(2), word(3)];
}
