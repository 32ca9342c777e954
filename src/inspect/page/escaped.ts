/** Text as it may stand in HTML, in an attribute too. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** The end of a long name, which tells more than its beginning. */
export function shortened(name: string, length: number): string {
  return name.length <= length ? name : `…${name.slice(1 - length)}`;
}
