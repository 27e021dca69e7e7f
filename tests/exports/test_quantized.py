"""Models in 8 bits."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from PIL import Image

from reverie.core.errors import UserError
from reverie.exports.files import export_files
from reverie.exports.graphs import Graph, graphs_of
from reverie.exports.quantized import MOST_IMAGES, images_of
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions
from tests.exports.conftest import tiny

Photos = Callable[..., Path]


@pytest.mark.parametrize("calibrated", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_int8_says_what_it_costs(
    calibrated: bool, upscaler: Model, photos: Photos, tmp_path: Path
) -> None:
    images = photos(3) if calibrated else None
    out = tmp_path / "m.onnx"
    options = ExportOptions(quantize="int8", images=images)
    (file,) = export_files(upscaler, out, options).files
    assert 15 < file.psnr < 80
    assert 1e-4 < file.largest_difference < 1
    assert f"({file.psnr:.0f} dB)" in file.summary()
    types = {tensor.data_type for tensor in onnx.load(out).graph.initializer}
    assert types & {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    loaded = load(out)
    assert loaded.method_name == "srresnet"
    small = torch.rand(1, 3, 13, 22, generator=torch.Generator().manual_seed(0)) * 2 - 1
    wanted = upscaler.upscale(small, precision="fp32")
    made = loaded.upscale(small)
    assert made.shape == wanted.shape
    assert (made - wanted).square().mean() < 0.1 * wanted.var()


def test_images_of_a_folder(graph: Graph, photos: Photos, tmp_path: Path) -> None:
    every = list(images_of(graph, photos(MOST_IMAGES + 9)))
    assert 1 < len(every) <= MOST_IMAGES
    for (image,) in every:
        assert image.shape == (1, 3, 64, 64)
        assert image.min() >= -1
        assert image.max() <= 1
    encoder = list(graphs_of(tiny("vae")))[1]
    assert next(images_of(encoder, tmp_path / "photos"))[0].shape == (1, 1, 28, 28)


def test_folders_without_usable_images_are_refused(graph: Graph, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match="there are no images in this folder"):
            next(images_of(graph, folder))
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"a\.png"):
        next(images_of(graph, tmp_path))
    Image.new("CMYK", (9, 9)).save(tmp_path / "a.jpg")
    (tmp_path / "a.png").unlink()
    assert next(images_of(graph, tmp_path))[0].shape == (1, 3, 64, 64)
