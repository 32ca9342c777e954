/** Text as it may stand in HTML, in an attribute too. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** The end of a long name, which tells more than its beginning; without what PyTorch's exporter puts to all names. */
export function shortened(name: string, length: number): string {
  const bare = name.replace(/_output_0$/, '');
  return bare.length <= length ? bare : `…${bare.slice(1 - length)}`;
}
