"""Edits as one graph: what the library's editor does, for several images at once."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.exports.edits import attribute_directions_of, edit_graph
from reverie.exports.files import export_files
from reverie.inference.latent.edit import apply_directions
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions
from tests.exports.conftest import tiny

EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx_edit.py"
NAMES = ("Dark", "Left")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images with two attributes, in CelebA's form."""
    folder = tmp_path_factory.mktemp("faces")
    images = folder / "img_align_celeba"
    images.mkdir()
    draw = np.random.default_rng(0)
    lines = ["40", " ".join(NAMES)]
    for number in range(40):
        dark, left = number % 2, number // 2 % 2
        pixels = draw.integers(0, 100, (28, 28), dtype=np.uint8) + np.uint8(100 * (not dark))
        pixels[:, : 14 if left else 0] = 0
        Image.fromarray(pixels).save(images / f"{number:03}.png")
        lines.append(f"{number:03}.png {2 * dark - 1} {2 * left - 1}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny("vae")


def test_edits_are_the_librarys(model: Model, faces: Path) -> None:
    graph = edit_graph(model, str(faces))
    assert graph is not None
    assert graph.attributes == NAMES
    image, strengths = graph.example(6)
    assert strengths.shape == (6, 2)
    strengths = strengths * 3  # beyond the range of the latents, where steps end
    with torch.no_grad():
        made = graph.network(image, strengths)
    directions = attribute_directions_of(model, str(faces))
    for number in range(6):
        add = dict(zip(NAMES, strengths[number].tolist(), strict=True))
        latents = apply_directions(model.encode(image[number, None]), directions, add)
        torch.testing.assert_close(made[number, None], model.generate(latents))


def test_without_attributes_there_are_no_edits(model: Model, tmp_path: Path) -> None:
    assert edit_graph(model, None) is None
    assert edit_graph(tiny("dcgan"), None) is None
    with pytest.raises(UserError, match="does not both encode and generate"):
        edit_graph(tiny("dcgan"), "faces")
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="attributes"):
        edit_graph(model, str(tmp_path))


def test_an_onnx_file_of_edits(
    model: Model, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    result = export_files(model, tmp_path / "m.onnx", ExportOptions(data=str(faces)))
    assert [file.path.name for file in result.files] == ["m.onnx", "m-encode.onnx", "m-edit.onnx"]
    path = result.files[-1].path
    assert max(file.largest_difference for file in result.files) < 1e-4
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["image", "strengths"]
    image = torch.zeros(3, 1, 28, 28)
    (same,) = session.run(None, {"image": image.numpy(), "strengths": np.zeros((3, 2), np.float32)})
    wanted = model.generate(model.encode(image))
    torch.testing.assert_close(torch.from_numpy(same), wanted, rtol=0, atol=1e-4)
    with pytest.raises(
        UserError, match=r"^\S+: this file edits images in other programs; [^.]*\.$"
    ):
        reverie.load(path)

    spec = importlib.util.spec_from_file_location("onnx_edit", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    photo = next((faces / "img_align_celeba").glob("*.png"))
    out = tmp_path / "edited.png"
    words = ["onnx_edit.py", str(path), str(photo), "--add", "Dark=-1", "Left", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", words)
    example.main()
    directions = attribute_directions_of(model, str(faces))
    latents = apply_directions(model.encode(photo), directions, {"Dark": -1.0, "Left": 1.0})
    wanted = image_io.to_uint8(model.generate(latents))[0].astype(int)
    assert abs(image_io.read(out).astype(int).reshape(wanted.shape) - wanted).max() <= 1
    monkeypatch.setattr(sys, "argv", [*words[:4], "Smiling"])
    with pytest.raises(SystemExit, match="knows the attributes Dark, Left"):
        example.main()
