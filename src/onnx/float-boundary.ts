import { ElementType, int, type Model, node, type ValueInfo } from './model.js';
import { freshNames } from './names.js';

/**
 * Makes a model take and give float32 whatever it computes in: casts are put behind inputs and before outputs of
 * other types, whose names stay. What lies between runs as it is.
 */
export function withFloatBoundary(model: Model): Model {
  const { graph } = model;
  const others = (infos: ValueInfo[]) => infos.filter((i) => i.type !== ElementType.float);
  if (others(graph.inputs).length + others(graph.outputs).length === 0) return model;
  const fresh = freshNames(graph);
  const inner = new Map(
    [...others(graph.inputs), ...others(graph.outputs)].map(({ name }) => [name, fresh(`${name}.inner`)]),
  );
  const rename = (name: string) => inner.get(name) ?? name;
  const cast = (from: string, to: string, type: ElementType) => ({
    ...node('Cast', [from], [to], { to: int(type) }),
    name: fresh('float.cast'),
  });
  const asFloat = (i: ValueInfo): ValueInfo => ({ ...i, type: ElementType.float });
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [
        ...others(graph.inputs).map((i) => cast(i.name, rename(i.name), i.type)),
        ...graph.nodes.map((n) => ({ ...n, inputs: n.inputs.map(rename), outputs: n.outputs.map(rename) })),
        ...others(graph.outputs).map((o) => cast(rename(o.name), o.name, ElementType.float)),
      ],
      inputs: graph.inputs.map(asFloat),
      outputs: graph.outputs.map(asFloat),
    },
  };
}
