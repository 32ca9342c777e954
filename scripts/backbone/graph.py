"""A plain ONNX graph in memory, between PyTorch's export and the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 17
IR_VERSION = 8
# Larger constants are weights: shape inference needs only their shapes.
SMALL = 64


@dataclass
class Graph:
    """Nodes in order, and constants by name; one input, 'image', and one output, 'features'."""

    nodes: list[onnx.NodeProto]
    constants: dict[str, np.ndarray]
    image: list[int | str]

    def prune(self) -> None:
        """Drops constants that nothing reads."""
        used = {i for n in self.nodes for i in n.input}
        self.constants = {k: v for k, v in self.constants.items() if k in used}

    def shapes(self) -> dict[str, list[int]]:
        """The shape of every tensor that nodes compute, as far as it is static; 0 stands for the batch."""
        small = {k: v for k, v in self.constants.items() if v.size <= SMALL}
        weights = [_info(k, v.shape, v.dtype) for k, v in self.constants.items() if k not in small]
        inferred = onnx.shape_inference.infer_shapes(self._model(small, weights, None), data_prop=True).graph
        return {
            v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
            for v in [*inferred.value_info, *inferred.output, inferred.input[0]]
            if v.type.tensor_type.HasField("shape")
        }

    def to_model(self) -> onnx.ModelProto:
        model = self._model(self.constants, [], [self.image[0], self.shapes()["features"][1]])
        onnx.checker.check_model(model, full_check=True)
        return model

    def _model(
        self, constants: dict[str, np.ndarray], inputs: list[onnx.ValueInfoProto], features: list | None
    ) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "backbone",
            [_info("image", self.image, np.float32), *inputs],
            [_info("features", features, np.float32)],
            [numpy_helper.from_array(v, k) for k, v in constants.items()],
        )
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="lichen")


def attributes_of(node: onnx.NodeProto) -> dict:
    """A node's attributes as Python values."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _info(name: str, shape: list | tuple | None, dtype: np.dtype | type) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
