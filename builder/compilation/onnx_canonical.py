"""One form for equal graphs: tf2onnx numbers its names from a process-wide counter, so that the same network compiled
twice differs in bytes and in the order of its nodes, and a bundle's hashes would never repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from builder.framework import load_builder_module

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, ValueInfoProto

PRODUCER = "nexaravision"
_IR_VERSION = 8


def canonical(model: ModelProto) -> ModelProto:
    """``model`` with input ``batch``, output ``output``, all other names numbered in graph order, and nothing unused.

    The graph has one input, one output and no subgraphs.
    """
    onnx = load_builder_module("onnx")
    ordered = _ordered(model)
    names = _names(model, ordered)
    nodes = [_renamed(node, names) for node in ordered]
    for index, node in enumerate(nodes):
        node.name = f"{node.op_type}_{index}"
    initializers = []
    for initializer in model.graph.initializer:
        if initializer.name in names:
            initializer.name = names[initializer.name]
            initializers.append(initializer)
    graph = onnx.helper.make_graph(
        nodes,
        "network",
        [_value(model.graph.input[0], "batch")],
        [_value(model.graph.output[0], "output")],
        sorted(initializers, key=lambda initializer: int(initializer.name[1:])),
    )
    used = {node.domain for node in nodes}
    opsets = [onnx.helper.make_opsetid(entry.domain, entry.version) for entry in model.opset_import]
    clean = onnx.helper.make_model(
        graph,
        producer_name=PRODUCER,
        opset_imports=sorted((entry for entry in opsets if entry.domain in used), key=lambda entry: entry.domain),
    )
    clean.ir_version = _IR_VERSION
    return cast("ModelProto", clean)


def _ordered(model: ModelProto) -> list[NodeProto]:
    """The nodes that the output needs, each after what it needs itself, by the graph's structure alone."""
    makers = {name: index for index, node in enumerate(model.graph.node) for name in node.output}
    nodes = list(model.graph.node)
    done: dict[int, NodeProto] = {}
    pending = [makers[model.graph.output[0].name]]
    while pending:
        wanted = (makers[name] for name in nodes[pending[-1]].input if name in makers)
        missing = [index for index in wanted if index not in done]
        if missing:
            pending.append(missing[0])
        else:
            index = pending.pop()
            done[index] = nodes[index]
    return list(done.values())


def _names(model: ModelProto, ordered: list[NodeProto]) -> dict[str, str]:
    names = {"": "", model.graph.input[0].name: "batch", model.graph.output[0].name: "output"}
    for node in ordered:
        for name in (*node.input, *node.output):
            names.setdefault(name, f"t{len(names)}")
    return names


def _renamed(node: NodeProto, names: dict[str, str]) -> NodeProto:
    onnx = load_builder_module("onnx")
    renamed = onnx.NodeProto()
    renamed.CopyFrom(node)
    renamed.doc_string = ""
    for side in (renamed.input, renamed.output):
        side[:] = [names[name] for name in side]
    return cast("NodeProto", renamed)


def _value(value: ValueInfoProto, name: str) -> ValueInfoProto:
    onnx = load_builder_module("onnx")
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    copy.name = name
    copy.type.tensor_type.shape.dim[0].dim_param = "n"
    return cast("ValueInfoProto", copy)
