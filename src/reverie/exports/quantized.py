"""Weights and activations in 8 bits, by ONNX Runtime's quantizer."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.image_formats import SUFFIXES
from reverie.exports.graphs import Graph

if TYPE_CHECKING:
    import onnx

MOST_IMAGES = 32
"""Images of the calibration; ranges of activations hardly change with more."""
CROP = 64
"""Side of their central crops, at least."""


def int8(model: "onnx.ModelProto", graph: Graph, images: Path | None) -> "onnx.ModelProto":
    """The model in 8 bits.

    With images, or for graphs that take no images, activations get fixed ranges, measured on the
    images or on random inputs; otherwise they are measured in every run.

    Args:
        model: of `onnx_file.onnx_model`.
        graph: what it was made of.
        images: a folder of typical images, for graphs that take images.

    Raises:
        UserError: if the folder has no images.
    """
    import onnx
    from onnxruntime import quantization

    previous = logging.root.level
    logging.root.setLevel(logging.ERROR)  # the quantizer recommends its own pre-processing
    try:
        with tempfile.TemporaryDirectory() as folder:
            plain, made = Path(folder, "plain.onnx"), Path(folder, "int8.onnx")
            onnx.save(model, plain)
            if graph.resizes and images is None:
                quantization.quantize_dynamic(
                    plain, made, weight_type=quantization.QuantType.QUInt8
                )
            else:
                quantization.quantize_static(
                    plain,
                    made,
                    _reader(graph, images),
                    quant_format=quantization.QuantFormat.QDQ,
                    per_channel=True,
                )
            own = onnx.load(made)
    finally:
        logging.root.setLevel(previous)
    known = {entry.key for entry in own.metadata_props}
    own.metadata_props.extend(entry for entry in model.metadata_props if entry.key not in known)
    return own


def _reader(graph: Graph, images: Path | None) -> Any:
    """Inputs for the calibration, as ONNX Runtime asks for them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = _inputs(graph, images)

        def get_next(self) -> Any:
            inputs = next(self.left, None)
            if inputs is None:
                return None
            return {one.name: x.numpy() for one, x in zip(graph.inputs, inputs, strict=True)}

    return Reader()


def _inputs(graph: Graph, images: Path | None) -> Iterator[Sequence[Tensor]]:
    if images is not None and graph.takes_images:
        yield from images_of(graph, images)
        return
    for _ in range(MOST_IMAGES):
        yield graph.example(4)


def images_of(graph: Graph, folder: Path) -> Iterator[Sequence[Tensor]]:
    """Central crops of up to `MOST_IMAGES` images of a folder, as a graph's input.

    Raises:
        UserError: if the folder has no images.
    """
    files = files_of(folder)
    _, channels, *size = graph.inputs[0].shape
    side = graph.multiple * max(1, CROP // graph.multiple)
    height, width = (side, side) if graph.resizes else size
    assert isinstance(channels, int)
    assert isinstance(height, int)
    assert isinstance(width, int)
    for file in files[:: -(-len(files) // MOST_IMAGES)]:
        pixels = image_io.with_channels(image_io.read(file), channels)
        yield [image_io.to_tensor(image_io.resize(pixels, (width, height))[None])]


def files_of(folder: Path) -> list[Path]:
    """The image files of a folder and its subfolders.

    Raises:
        UserError: if it has none.
    """
    if folder.is_file():
        raise UserError(f"{folder}: this is a file: name a folder of images.")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"{folder}: there are no images in this folder.")
    return files
