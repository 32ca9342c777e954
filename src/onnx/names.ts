import type { Graph } from './model.js';

/** Makes names that no tensor and no node of a graph has, each time another one. */
export function freshNames(graph: Graph): (wanted: string) => string {
  const taken = new Set([
    ...graph.initializers.keys(),
    ...graph.inputs.map((i) => i.name),
    ...graph.nodes.flatMap((n) => [n.name, ...n.outputs]),
  ]);
  return (wanted) => {
    let name = wanted;
    for (let i = 2; taken.has(name); i++) name = `${wanted}_${i}`;
    taken.add(name);
    return name;
  };
}
