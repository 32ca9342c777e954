import { sizeOf } from '../onnx/model.js';
import type { Window } from '../onnx/shapes.js';

/** The coordinates of an element of a tensor, by its place in row-major order. */
export function unravel(index: number, dims: readonly number[]): number[] {
  const at = dims.map(() => 0);
  let rest = index;
  for (let i = dims.length - 1; i >= 0; i--) {
    at[i] = rest % dims[i]!;
    rest = Math.floor(rest / dims[i]!);
  }
  return at;
}

/** Row-major places of all elements of a shape. */
export const everywhere = (dims: readonly number[]): number[] =>
  Array.from({ length: sizeOf(dims) }, (_, i) => i);

/**
 * Where the windows of a convolution or a pool read: for each window, and within it for each kernel element, the
 * place in the input; one behind the last where that is padding.
 * @param spatial the input's spatial shape
 * @param windows places in `window.output`, in the order that is wanted
 * @returns windows x kernel elements, row by row
 */
export function readPlaces(spatial: readonly number[], window: Window, windows: readonly number[]): number[] {
  const { kernel, strides, dilations, pads, output } = window;
  const nowhere = sizeOf(spatial);
  const offsets = everywhere(kernel).map((e) =>
    unravel(e, kernel).map((k, i) => k * dilations[i]! - pads[i]!),
  );
  return windows.flatMap((p) => {
    const corner = unravel(p, output).map((o, i) => o * strides[i]!);
    return offsets.map((offset) => {
      let place = 0;
      for (const [i, size] of spatial.entries()) {
        const at = corner[i]! + offset[i]!;
        if (at < 0 || at >= size) return nowhere;
        place = place * size + at;
      }
      return place;
    });
  });
}

/**
 * The readers of each place: the inverse of a list of reads.
 * @param places for each read the place; `count` or more where nothing is read
 * @param count of places
 * @param none what fills up the lists of places that have fewer readers than others
 * @returns count x `most` numbers of reads, row by row
 */
export function readersOf(
  places: readonly number[],
  count: number,
  none: number,
): { readers: number[]; most: number } {
  const lists: number[][] = Array.from({ length: count }, () => []);
  places.forEach((place, read) => {
    lists[place]?.push(read);
  });
  const most = Math.max(1, ...lists.map((l) => l.length));
  return { readers: lists.flatMap((l) => [...l, ...Array<number>(most - l.length).fill(none)]), most };
}
