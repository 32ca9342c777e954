/** What of a keyboard event says which key was meant. */
export interface Key {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

export type QuestionAction =
  | { kind: 'class'; index: number }
  | { kind: 'confirm' | 'skip' | 'bad' | 'undo' | 'new' };

const LETTERS = { s: 'skip', b: 'bad', z: 'undo', n: 'new' } as const;

/**
 * What a key does on a question with so many classes. The letter that is printed on the key counts; where that is no
 * Latin letter or digit (Hangul, the digit row of a French keyboard) the key's place does.
 */
export function questionAction(event: Key, classes: number): QuestionAction | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === 'Enter') return { kind: 'confirm' };
  const key = /^[a-z0-9]$/i.test(event.key)
    ? event.key.toLowerCase()
    : (/^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code)?.[1]?.toLowerCase() ?? '');
  if (/^[1-9]$/.test(key)) {
    const index = Number(key) - 1;
    return index < classes ? { kind: 'class', index } : null;
  }
  const letter = LETTERS[key as keyof typeof LETTERS];
  return letter === undefined ? null : { kind: letter };
}
