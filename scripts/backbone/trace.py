"""PyTorch's export made a plain graph: constants folded, static but for the batch, readable names."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from .errors import ExportError, first_line
from .graph import OPSET, Graph, attributes_of

# The network is exported for two sizes of the batch: what differs between both is what depends on the batch.
BATCHES = (2, 3)


def trace(network: Any, size: int, fold_batch_norm: bool = True) -> Graph:
    """
    Exports a network as ONNX, opset 17, from 'image' [N, 3, size, size] to 'features' [N, F].
    Only Reshape with -1 and, where a token is put in front, Expand know of the batch.
    """
    network = network.float().eval()
    first, second = (_folded(_traced(network, size, batch, fold_batch_norm)) for batch in BATCHES)
    _free_batch(first, second)
    _merge_pads(first)
    _rename(first)
    first.prune()
    return first


def _traced(network: Any, size: int, batch: int, fold_batch_norm: bool) -> Graph:
    modes = torch.onnx.TrainingMode
    # The fused attention of inference has no operator in ONNX.
    torch.backends.mha.set_fastpath_enabled(False)
    file = io.BytesIO()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # Tracing says that sizes become constants, which is what is wanted here.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                torch.zeros(batch, 3, size, size),
                file,
                dynamo=False,
                opset_version=OPSET,
                training=modes.EVAL if fold_batch_norm else modes.PRESERVE,
                input_names=["image"],
                output_names=["features"],
            )
    except Exception as error:  # whatever tracing a network may raise
        raise ExportError(
            f"PyTorch cannot export the network for pictures of {size} x {size}: {first_line(error)}"
        ) from error
    graph = onnx.load_from_string(file.getvalue()).graph
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    return Graph(list(graph.node), constants, [batch, 3, size, size])


def _folded(graph: Graph) -> Graph:
    """With the batch still a number everything that only depends on shapes is a constant: it is computed here."""
    before = None
    while before is None or len(graph.nodes) < before:
        # Shapes behind what was folded are known only afterwards.
        before = len(graph.nodes)
        _fold_once(graph)
    shapes = graph.shapes()
    for node in graph.nodes:
        shape = shapes.get(node.output[0])
        if node.op_type == "Reshape" and shape is not None and 0 not in shape:
            # What it leaves open (-1, 0) is written out, so that the batch can be told from everything else.
            node.input[1] = f"{node.output[0]}_shape"
            graph.constants[node.input[1]] = np.array(shape, np.int64)
    graph.prune()
    return graph


def _fold_once(graph: Graph) -> None:
    shapes = graph.shapes()
    constants = graph.constants
    alias: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        _set_names(node, [alias.get(i, i) for i in node.input], list(node.output))
        inputs, out = list(node.input), node.output[0]
        if node.op_type in ("Identity", "Dropout") and out != "features":
            alias[out] = inputs[0]
        elif node.op_type == "Shape" and 0 not in shapes.get(inputs[0], [0]):
            constants[out] = np.array(shapes[inputs[0]], np.int64)
        elif all(i in constants or not i for i in inputs) and node.op_type != "Expand":
            constants.update(zip(node.output, _evaluate(node, {i: constants[i] for i in inputs if i})))
        else:
            nodes.append(node)
    graph.nodes = nodes
    graph.prune()


def _evaluate(node: onnx.NodeProto, known: dict[str, np.ndarray]) -> list[np.ndarray]:
    inputs = [
        helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for k, v in known.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(o) for o in node.output]
    graph = helper.make_graph([node], "constant", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    return [np.asarray(v) for v in ReferenceEvaluator(model).run(None, known)]


def _free_batch(graph: Graph, other: Graph) -> None:
    """Makes the first of two graphs, which were exported for different batches, fit every batch."""
    if [_form(n) for n in graph.nodes] != [_form(n) for n in other.nodes]:
        raise ExportError(
            "the network computes in another way for another batch size, so it cannot be exported as one graph"
        )
    for name, value in list(graph.constants.items()):
        if not np.array_equal(value, other.constants[name]):
            _generalize(graph, name, value, other.constants[name])
    graph.image[0] = "N"


def _form(node: onnx.NodeProto) -> tuple:
    return node.op_type, list(node.input), list(node.output)


def _generalize(graph: Graph, name: str, a: np.ndarray, b: np.ndarray) -> None:
    readers = [n for n in graph.nodes if name in n.input]
    kinds = {n.op_type for n in readers}
    differing = np.flatnonzero(a != b) if a.shape == b.shape and a.ndim == 1 else np.array([])
    grows = len(differing) == 1 and a[differing[0]] * BATCHES[1] == b[differing[0]] * BATCHES[0]
    at = int(differing[0]) if grows else -1
    if kinds == {"Reshape"} and grows and -1 not in a:
        graph.constants[name] = np.array([-1 if i == at else v for i, v in enumerate(a)], np.int64)
    elif kinds == {"Expand"} and at == 0 and a[0] == BATCHES[0]:
        del graph.constants[name]
        graph.constants[f"{name}_rest"] = a[1:]
        place = min(i for i, n in enumerate(graph.nodes) if name in n.input)
        graph.nodes[place:place] = [
            helper.make_node("Shape", ["image"], [f"{name}_batch"], start=0, end=1),
            helper.make_node("Concat", [f"{name}_batch", f"{name}_rest"], [name], axis=0),
        ]
    else:
        raise ExportError(
            f"'{readers[0].output[0]}' ({readers[0].op_type}) depends on the batch size in a way that cannot be "
            "exported; networks that mix the samples of a batch are not supported"
        )


def _merge_pads(graph: Graph) -> None:
    """A Pad with zeros that only a convolution reads becomes the convolution's own padding."""
    makers = {n.output[0]: n for n in graph.nodes if n.op_type == "Pad"}
    for conv in graph.nodes:
        pad = makers.get(conv.input[0]) if conv.op_type == "Conv" else None
        if pad is None or sum(pad.output[0] in n.input for n in graph.nodes) > 1:
            continue
        attributes, pads = attributes_of(conv), graph.constants.get(pad.input[1])
        value = graph.constants.get(pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.array(0)
        zeros = (
            value is not None
            and float(value) == 0
            and attributes_of(pad).get("mode", b"constant") == b"constant"
        )
        if (
            not zeros
            or pads is None
            or len(pad.input) > 3
            or attributes.get("auto_pad", b"NOTSET") != b"NOTSET"
        ):
            continue
        rank = len(pads) // 2
        if any(pads[[0, 1, rank, rank + 1]]) or (pads < 0).any():
            continue
        around = [*pads[2:rank], *pads[rank + 2 :]]
        own = attributes.get("pads", [0] * len(around))
        kept = [a for a in conv.attribute if a.name != "pads"]
        del conv.attribute[:]
        conv.attribute.extend(
            [*kept, helper.make_attribute("pads", [int(p + q) for p, q in zip(own, around)])]
        )
        conv.input[0] = pad.input[0]
        del makers[pad.output[0]]
    read = {i for n in graph.nodes for i in n.input}
    graph.nodes = [n for n in graph.nodes if n.op_type != "Pad" or n.output[0] in read]


def _rename(graph: Graph) -> None:
    """'/layer4/layer4.1/relu/Relu_output_0' becomes 'layer4.1.relu'; nodes are named after their outputs."""
    taken = {"image", "features", *graph.constants}
    names: dict[str, str] = {}
    for node in graph.nodes:
        for output in node.output:
            if not output or output in taken:
                continue
            short = _short(output, node.op_type)
            new, count = short, 1
            while new in taken:
                count += 1
                new = f"{short}_{count}"
            taken.add(new)
            names[output] = new
    for node in graph.nodes:
        _set_names(node, *([names.get(x, x) for x in xs] for xs in (node.input, node.output)))
        node.name = node.output[0]


def _set_names(node: onnx.NodeProto, inputs: list[str], outputs: list[str]) -> None:
    del node.input[:], node.output[:]
    node.input.extend(inputs)
    node.output.extend(outputs)


def _short(tensor: str, op: str) -> str:
    *scopes, last = [p for p in re.sub(r"_output_\d+$", "", tensor).split("/") if p]
    parts: list[str] = []
    for scope in scopes:
        # Children of a Sequential repeat their parent's name.
        if parts and scope.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(scope)
    kind = re.sub(r"_\d+$", "", last).lower()
    own = re.sub(r"[\d_.]", "", parts[-1].rsplit(".", 1)[-1]).lower() if parts else ""
    # The layer's own name says it already: 'relu', 'conv' of conv1, 'bn'.
    says = own in (op.lower(), "bn", "norm") or (own == "act" and op in ("Relu", "Clip", "HardSwish"))
    return ".".join(parts if says else [*parts, kind])
