"""Runs an ONNX graph in PyTorch, operator by operator, so that autograd differentiates the graph itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import onnx
import torch
import torch.nn.functional as F

from .errors import ExportError
from .graph import attributes_of

Tensor = torch.Tensor


class UnknownOperator(ExportError):
    """A graph has an operator that is not in the table below."""


def run(
    nodes: Iterable[onnx.NodeProto], values: dict[str, Tensor], margins: dict[str, float] | None = None
) -> None:
    """
    Computes every node and puts its outputs into `values`, which holds inputs and constants.
    @param margins is filled with how near an operator's inputs come to where it has no derivative, relative to
      their largest: rounding may put such a value on the other side
    """
    for node in nodes:
        operator = OPERATORS.get(node.op_type)
        if operator is None:
            raise UnknownOperator(
                f"operator {node.op_type} (node '{node.name}') is not known here; known: {', '.join(sorted(OPERATORS))}"
            )
        attributes = attributes_of(node)
        inputs = [values[i] if i else None for i in node.input]
        if margins is not None:
            _note_margin(node, inputs, attributes, margins)
        results = operator(attributes, len(node.output), *inputs)
        values.update(zip(node.output, results if isinstance(results, (list, tuple)) else [results]))


def _note_margin(
    node: onnx.NodeProto, inputs: list[Any], attributes: dict[str, Any], margins: dict[str, float]
) -> None:
    x = inputs[0].detach()
    kinks = {"Relu": [0.0], "LeakyRelu": [0.0], "Abs": [0.0], "HardSwish": [-3.0, 3.0]}.get(node.op_type)
    if node.op_type == "Clip":
        kinks = [float(v) for v in inputs[1:] if v is not None]
    elif node.op_type == "HardSigmoid":
        slope, shift = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
        kinks = [-shift / slope, (1 - shift) / slope]
    if kinks:
        # An exact zero behind another such operator stays one however it is rounded.
        apart = torch.stack([(x - k).abs() for k in kinks]).flatten()
        apart = apart[apart > 0]
        margins[node.output[0]] = float(apart.min() / x.abs().max()) if len(apart) else 1.0


def _conv(a: dict, _n: int, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    r = w.ndim - 2
    x = F.pad(x, _torch_pads(_window_pads(a, x, list(w.shape[2:]))))
    function = (F.conv1d, F.conv2d, F.conv3d)[r - 1]
    return function(x, w, bias, a.get("strides", [1] * r), 0, a.get("dilations", [1] * r), a.get("group", 1))


def _window_pads(a: dict, x: Tensor, kernel: list[int]) -> list[int]:
    auto = a.get("auto_pad", b"NOTSET")
    if auto not in (b"NOTSET", b"VALID"):
        raise ExportError(f"auto_pad {auto.decode()} is not known here")
    return list(a.get("pads", [0] * (2 * len(kernel))))


def _torch_pads(pads: list[int]) -> list[int]:
    """From all begins, all ends to PyTorch's (begin, end) from the last axis on."""
    r = len(pads) // 2
    return [p for i in reversed(range(r)) for p in (pads[i], pads[r + i])]


def _max_pool(a: dict, _n: int, x: Tensor) -> Tensor:
    kernel = a["kernel_shape"]
    x = F.pad(x, _torch_pads(_window_pads(a, x, kernel)), value=float("-inf"))
    return F.max_pool2d(
        x, kernel, a.get("strides", [1] * len(kernel)), 0, a.get("dilations", 1), bool(a.get("ceil_mode", 0))
    )


def _average_pool(a: dict, _n: int, x: Tensor) -> Tensor:
    kernel = a["kernel_shape"]
    pads = _window_pads(a, x, kernel)
    r = len(kernel)
    if pads[:r] != pads[r:]:
        raise ExportError("an AveragePool with other pads at the end than at the beginning is not known here")
    strides = a.get("strides", [1] * r)
    return F.avg_pool2d(
        x, kernel, strides, pads[:r], bool(a.get("ceil_mode", 0)), bool(a.get("count_include_pad", 0))
    )


def _gemm(a: dict, _n: int, p: Tensor, q: Tensor, c: Tensor | None = None) -> Tensor:
    p = p.T if a.get("transA", 0) else p
    q = q.T if a.get("transB", 0) else q
    y = a.get("alpha", 1.0) * (p @ q)
    return y if c is None else y + a.get("beta", 1.0) * c


def _clip(_a: dict, _n: int, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return torch.clamp(x, low, high)


def _batch_norm(
    a: dict, _n: int, x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    return F.batch_norm(x, mean, variance, scale, shift, False, 0.0, a.get("epsilon", 1e-5))


def _layer_norm(a: dict, _n: int, x: Tensor, scale: Tensor, shift: Tensor | None = None) -> Tensor:
    return F.layer_norm(x, x.shape[a.get("axis", -1) :], scale, shift, a.get("epsilon", 1e-5))


def _reduce(function: Any) -> Any:
    def operator(a: dict, _n: int, x: Tensor, axes: Tensor | None = None) -> Tensor:
        over = axes.tolist() if axes is not None else list(a.get("axes", range(x.ndim)))
        return function(x, over, keepdim=bool(a.get("keepdims", 1)))

    return operator


def _reshape(_a: dict, _n: int, x: Tensor, shape: Tensor) -> Tensor:
    return x.reshape([x.shape[i] if d == 0 else d for i, d in enumerate(shape.tolist())])


def _flatten(a: dict, _n: int, x: Tensor) -> Tensor:
    axis = a.get("axis", 1) % (x.ndim + 1)
    return x.reshape(int(torch.tensor(x.shape[:axis]).prod()), -1)


def _unsqueeze(_a: dict, _n: int, x: Tensor, axes: Tensor) -> Tensor:
    rank = x.ndim + len(axes)
    for axis in sorted(int(i) % rank for i in axes):
        x = x.unsqueeze(axis)
    return x


def _squeeze(_a: dict, _n: int, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze([int(i) for i in axes])


def _split(a: dict, outputs: int, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = a.get("axis", 0)
    if sizes is not None:
        return torch.split(x, sizes.tolist(), axis)
    return torch.split(x, -(-x.shape[axis] // outputs), axis)


def _slice(
    _a: dict,
    _n: int,
    x: Tensor,
    starts: Tensor,
    ends: Tensor,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    at = [slice(None)] * x.ndim
    over = axes.tolist() if axes is not None else range(len(starts))
    for i, axis in enumerate(over):
        at[axis] = slice(int(starts[i]), int(ends[i]), 1 if steps is None else int(steps[i]))
    return x[tuple(at)]


def _gather(a: dict, _n: int, x: Tensor, indices: Tensor) -> Tensor:
    axis = a.get("axis", 0) % x.ndim
    picked = x.index_select(axis, indices.flatten() % x.shape[axis])
    return picked.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


def _pad(a: dict, _n: int, x: Tensor, pads: Tensor, value: Tensor | None = None) -> Tensor:
    if a.get("mode", b"constant") != b"constant":
        raise ExportError(f"a Pad of mode {a['mode'].decode()} is not known here")
    return F.pad(x, _torch_pads(pads.tolist()), value=0.0 if value is None else float(value))


def _shape(a: dict, _n: int, x: Tensor) -> Tensor:
    return torch.tensor(x.shape[a.get("start", 0) : a.get("end")], dtype=torch.int64)


def _unary(function: Any) -> Any:
    return lambda _a, _n, x: function(x)


def _binary(function: Any) -> Any:
    return lambda _a, _n, x, y: function(x, y)


OPERATORS = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _binary(torch.matmul),
    "Add": _binary(torch.add),
    "Sub": _binary(torch.sub),
    "Mul": _binary(torch.mul),
    "Div": _binary(torch.div),
    "Pow": _binary(torch.pow),
    "Relu": _unary(F.relu),
    "LeakyRelu": lambda a, _n, x: F.leaky_relu(x, a.get("alpha", 0.01)),
    "Clip": _clip,
    "HardSwish": _unary(F.hardswish),
    "HardSigmoid": lambda a, _n, x: torch.clamp(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1),
    "Sigmoid": _unary(torch.sigmoid),
    "Tanh": _unary(torch.tanh),
    "Erf": _unary(torch.erf),
    "Exp": _unary(torch.exp),
    "Sqrt": _unary(torch.sqrt),
    "Abs": _unary(torch.abs),
    "Softmax": lambda a, _n, x: torch.softmax(x, a.get("axis", -1)),
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": lambda _a, _n, x: x.mean(tuple(range(2, x.ndim)), keepdim=True),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": lambda a, _n, x: x.permute(*a.get("perm", range(x.ndim - 1, -1, -1))),
    "Concat": lambda a, _n, *xs: torch.cat(xs, a["axis"]),
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Pad": _pad,
    "Expand": lambda _a, _n, x, shape: x * x.new_ones(shape.tolist()),
    "Shape": _shape,
    "Identity": _unary(lambda x: x),
}
