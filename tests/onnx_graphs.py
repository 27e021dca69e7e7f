"""A tool: small ONNX files as other programs write them, without metadata of reverie."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def write_image_graph(
    path: Path,
    *,
    channels: int = 3,
    outputs: int = 0,
    size: tuple[int | str, int | str] = ("height", "width"),
    inputs: int = 1,
    dtype: int = TensorProto.FLOAT,
    values: tuple[float, float] = (-1.0, 1.0),
    scale: int = 1,
    pool: int = 1,
) -> Path:
    """A network that clips its input to the range of `values` and repeats its pixels.

    Args:
        path: the file to write.
        channels: of its input.
        outputs: channels of its output, the first of the input's; 0 for all.
        size: height and width of its input; words are free.
        inputs: how many it takes, of which it uses the first.
        dtype: of its input and output.
        values: smallest and largest.
        scale: of height and width.
        pool: side of squares of the input that are averaged, so that their number is rounded down.
    """
    shape = ["batch", channels, *size]
    takes = [helper.make_tensor_value_info(f"x{n}", dtype, shape) for n in range(inputs)]
    gives = helper.make_tensor_value_info("y", dtype, None)
    constants = [
        helper.make_tensor(name, dtype, [], [value])
        for name, value in zip(("low", "high"), values, strict=True)
    ]
    constants.append(
        helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, scale * pool, scale * pool])
    )
    constants += [
        helper.make_tensor(name, TensorProto.INT64, [1], [value])
        for name, value in (("first", 0), ("last", outputs or channels), ("axis", 1))
    ]
    nodes = [
        helper.make_node("Clip", ["x0", "low", "high"], ["clipped"]),
        helper.make_node("Slice", ["clipped", "first", "last", "axis"], ["some"]),
        helper.make_node(
            "AveragePool", ["some"], ["pooled"], kernel_shape=[pool, pool], strides=[pool, pool]
        ),
        helper.make_node("Resize", ["pooled", "", "scales"], ["y"], mode="nearest"),
    ]
    graph = helper.make_graph(nodes, "graph", takes, [gives], constants)
    opset = helper.make_opsetid("", 20)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), path)
    return path
