"""Where a network can be cut into trunk and crown, and which cut to take. As src/onnx/cut.ts has it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .errors import ExportError
from .graph import Graph

# The crown's share of the weights that is looked for.
WANTED = 1 / 3
RANGE = (0.2, 0.6)


@dataclass
class Cut:
    tensor: str
    # Shape of one latent.
    shape: list[int]
    # Weights above the cut, and their share of all.
    weights: int
    share: float

    @property
    def values(self) -> int:
        return math.prod(self.shape)

    @property
    def positions(self) -> int:
        return math.prod(self.shape[1:])


def cut_points(graph: Graph) -> list[str]:
    """Tensors through which alone everything after depends on the input, in the order of the graph."""
    last_use = {name: i for i, n in enumerate(graph.nodes) for name in n.input}
    last_use["features"] = len(graph.nodes)
    live = {"image"}
    points = []
    for i, node in enumerate(graph.nodes):
        dependent = any(name in live for name in node.input)
        live -= {name for name in node.input if last_use[name] == i}
        if not dependent:
            continue
        live |= {o for o in node.output if o in last_use}
        if len(live) == 1 and live <= set(node.output) and i < len(graph.nodes) - 1:
            points.extend(live)
    return points


def cuts_of(graph: Graph) -> list[Cut]:
    """Every cut with its latent's shape and the crown's weights."""
    shapes = graph.shapes()
    sizes = {k: v.size for k, v in graph.constants.items() if v.dtype.kind == "f"}
    order = {o: i for i, n in enumerate(graph.nodes) for o in n.output}

    def weights_after(start: int) -> int:
        read = {i for n in graph.nodes[start:] for i in n.input}
        return sum(sizes[name] for name in read if name in sizes)

    total = max(1, weights_after(0))
    return [
        Cut(tensor, shapes.get(tensor, [])[1:], after, after / total)
        for tensor in cut_points(graph)
        for after in [weights_after(order[tensor] + 1)]
    ]


def choose(cuts: list[Cut], wanted: str) -> Cut:
    """
    The cut at a named tensor; for 'auto' the one with the smallest latent among those whose crown has 20 to 60 %
    of the weights, and of several such the one nearest to a third. A latent with a single position is taken only where there is no other.
    """
    if wanted != "auto":
        for cut in cuts:
            if cut.tensor == wanted:
                return cut
        raise ExportError(
            f"the network cannot be cut at '{wanted}'. Possible: {', '.join(c.tensor for c in cuts) or 'nowhere'}"
        )
    maps = [c for c in cuts if c.positions > 1 and c.weights > 0] or [c for c in cuts if c.weights > 0]
    if not maps:
        raise ExportError("the network has no tensor at which it could be cut")
    fitting = [c for c in maps if RANGE[0] <= c.share <= RANGE[1]]
    if not fitting:
        return min(reversed(maps), key=lambda c: abs(c.share - WANTED))
    return min(reversed(fitting), key=lambda c: (c.values, abs(c.share - WANTED)))
