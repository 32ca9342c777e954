import { type Document, isAlias, isCollection, type Node, visit, type YAMLMap } from 'yaml';

/**
 * A node that may be changed: of an alias a copy, so that what it is an alias of stays as it is.
 * @throws Error where the alias refers to nothing
 */
export function ownNode(document: Document, node: unknown): unknown {
  if (!isAlias(node)) return node;
  const meant = node.resolve(document);
  if (!meant) throw new Error(`there is nothing that *${node.source} refers to`);
  const copy = meant.clone() as Node;
  // A name that stood in two places would mean the second one from there on.
  visit(copy, {
    Collection: (_, one) => {
      delete one.anchor;
    },
    Scalar: (_, one) => {
      delete one.anchor;
    },
  });
  return copy;
}

/**
 * Makes every group on a path one that takes settings: a group that nothing is written under is a scalar.
 * @param parent what the path begins in
 */
export function openGroups(document: Document, parent: Document | YAMLMap, path: readonly string[]): void {
  for (let n = 1; n <= path.length; n++) {
    const group = path.slice(0, n);
    const found = parent.getIn(group, true);
    const own = ownNode(document, found);
    if (!isCollection(own)) parent.setIn(group, document.createNode({}));
    else if (own !== found) parent.setIn(group, own);
  }
}
