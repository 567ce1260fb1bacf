"""ONNX Runtime: inference of a model of Gemm and Relu nodes, all graph optimisations on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ..networks import Network
from ..workloads import Case, Runner, Workload


def columns(workload: Workload) -> dict[str, Callable[[Case], Runner]]:
    return {"ONNX Runtime": infer} if workload.kind == "infer" and workload.network.is_mlp else {}


def model_of(network: Network, weights: list[np.ndarray]) -> onnx.ModelProto:
    nodes, initializers, at, values = [], [], "x", iter(weights)
    for i, layer in enumerate(network.layers):
        out = f"out{i}"
        if layer[0] == "Linear":
            # Gemm's own order (inputs, outputs): nothing is left to transpose.
            names = [f"weight{i}", f"bias{i}"]
            for name, value in zip(names, (next(values).T.copy(), next(values)), strict=True):
                initializers.append(numpy_helper.from_array(value, name))
            nodes.append(helper.make_node("Gemm", [at, *names], [out]))
        else:
            nodes.append(helper.make_node(layer[0].capitalize(), [at], [out]))
        at = out
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in (("x", network.sizes[0]), (at, network.sizes[-1]))
    ]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def infer(case: Case) -> Runner:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = case.threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    model = model_of(case.network, case.weights).SerializeToString()
    run = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run
    return Runner(lambda x: run(None, {"x": x})[0], [(x,) for x, _ in case.batches], np.asarray)
