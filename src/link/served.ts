/**
 * What a device's own web server sends, as the ledger counts it: the page with its figures and settings, pictures that
 * its owner looks at, the live stream, and answers to programs that post pictures.
 */
export const SERVED_KINDS = ['page', 'page-picture', 'page-live', 'post-answer'] as const;
export type ServedKind = (typeof SERVED_KINDS)[number];

/** Where it went: to the device itself (or a tunnel or proxy on it), to its network, or elsewhere. */
export type ServedPlace = 'device' | 'network' | 'elsewhere';

/** Counts an answer. @param address of who asked; undefined where it has gone */
export type CountServed = (kind: ServedKind, address: string | undefined, bytes: number) => void;
