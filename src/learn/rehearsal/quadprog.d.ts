/** The package has no types of its own. Arrays and matrices start at index 1. */
declare module 'quadprog' {
  export interface QuadraticSolution {
    solution: number[];
    /** What failed, or an empty text. */
    message: string;
  }
  /** Minimizes x'Dx / 2 - d'x under A'x >= b (Goldfarb & Idnani 1983). */
  export function solveQP(D: number[][], d: number[], A: number[][], b: number[]): QuadraticSolution;
}
