"""Models in ONNX files do what the exported model does; networks of others are used as they are."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import reverie
from reverie import testing
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.core.onnx import METADATA_KEY
from reverie.data import ImageSpec
from reverie.exports.files import export_files
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions
from reverie.methods import METHODS, Translates
from reverie.methods.capabilities import describe_capabilities
from reverie.methods.diffusion.sampler_options import Start
from reverie.testing.subject import generator, random_images
from tests.onnx_graphs import write_image_graph

COLOUR = ImageSpec(3, 32)
MODELS: dict[str, tuple[str, dict[str, Any], ImageSpec]] = {
    "diffusion": (
        "diffusion",
        {"objective": "flow", "few_steps": 0.3, "blocks": 1, "multipliers": (1,), "attention": ()},
        testing.SPEC,
    ),
    "cgan": ("cgan", {}, testing.SPEC),
    "vae": ("vae", {}, testing.SPEC),
    "translator": ("cyclegan", {}, COLOUR),
    "upscaler": ("srresnet", {"network": "compact"}, COLOUR),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Model, Path]]:
    """A function from one of `MODELS` to the model and its ONNX file; each is exported once."""
    made: dict[str, tuple[Model, Path]] = {}

    def export(name: str) -> tuple[Model, Path]:
        if name not in made:
            method, options, spec = MODELS[name]
            tiny = dict(METHODS[method].tiny_options) | options
            model = Model(name, method, testing.subject_of(METHODS[method], tiny).build(spec))
            model.method.eval()
            perturb(model.method)
            out = tmp_path_factory.mktemp("onnx") / f"{name}.onnx"
            options = ExportOptions(direction="ba" if name == "translator" else None)
            made[name] = model, export_files(model, out, options).files[0].path
        return made[name]

    return export


Exported = Callable[[str], tuple[Model, Path]]


def perturb(method: torch.nn.Module) -> None:
    """Let no weight be zero, as those of some last layers are before a training."""
    random = generator(0)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=random)


def assert_same(made: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-4)


def test_diffusion_samples_alike(exported: Exported) -> None:
    model, path = exported("diffusion")
    file = reverie.load(path)
    assert file.method_name == "diffusion"
    assert file.class_names == model.class_names
    assert_same(file.sample(3, seed=5), model.sample(3, seed=5))
    noise = torch.randn(5, 1, 28, 28, generator=generator(0))
    assert_same(file.generate(noise, label=7), model.generate(noise, label=7))
    asked: list[Mapping[str, Any]] = [
        {"steps": 1},
        {"steps": 3, "sampler": "mean-flow", "guidance": 2.5, "label": 3},
        {"steps": 4, "sampler": "ddpm", "guidance": 2.0},
        {"steps": 3, "sampler": "heun", "schedule": "uniform", "label": [1, 2]},
        {"steps": 5, "sampler": "dpmpp-2m", "between": (1, 9), "label": "4"},
    ]
    for words in asked:
        assert_same(file.sample(2, **words), model.sample(2, **words))
    mask = torch.zeros(1, 1, 28, 28)
    mask[..., 7:21, 7:21] = 1
    start = Start(random_images(1, testing.SPEC), strength=0.5, mask=mask)
    assert_same(file.sample(2, start=start), model.sample(2, start=start))


def test_a_gan_generates_alike(exported: Exported) -> None:
    model, path = exported("cgan")
    file = reverie.load(path)
    assert file.class_names == model.class_names
    assert_same(file.sample(12, seed=3), model.sample(12, seed=3))
    assert_same(file.sample(2, label="8"), model.sample(2, label="8"))
    with pytest.raises(UserError, match="its classes are 0 to 9"):
        file.sample(1, label=10)
    with pytest.raises(UserError, match="steps is for diffusion models"):
        file.sample(1, steps=3)


def test_a_vae_generates_and_encodes_alike(exported: Exported, tmp_path: Path) -> None:
    model, path = exported("vae")
    encoder = path.with_stem("vae-encode")
    assert_same(reverie.load(path).sample(3), model.sample(3))
    images = random_images(3, testing.SPEC)
    assert_same(reverie.load(encoder).encode(images), model.encode(images))
    with pytest.raises(UserError, match="generate"):
        reverie.load(encoder).sample(1)
    with pytest.raises(UserError, match="images of 28 x 28 pixels only, not of 20 x 30"):
        reverie.load(encoder).encode(torch.zeros(1, 1, 30, 20))


def test_a_translator_translates_alike(exported: Exported, tmp_path: Path) -> None:
    model, path = exported("translator")
    loaded = reverie.load(path)
    assert loaded.method.directions == ("ba",)
    for height, width in ((32, 32), (37, 61), (5, 9)):
        images = torch.rand(2, 3, height, width, generator=generator(0)) * 2 - 1
        assert_same(loaded.translate(images, "ba"), model.translate(images, "ba"))
        # The instance norms are those of the whole image, which is not divided into tiles.
        assert_same(loaded.translate(images, "ba", tile=16), model.translate(images, "ba"))
    with pytest.raises(UserError, match="translates ba, not 'ab'"):
        loaded.translate(images, "ab")
    Image.new("L", (33, 21), 99).save(tmp_path / "grey.png")
    words = ["translate", path, tmp_path / "grey.png", "--direction", "ba"]
    words += ["--out", tmp_path / "out"]
    assert main([str(word) for word in words]) == 0
    with Image.open(next((tmp_path / "out").glob("grey*"))) as image:
        assert image.size == (33, 21)


def test_an_upscaler_upscales_alike(exported: Exported) -> None:
    model, path = exported("upscaler")
    file = reverie.load(path)
    assert file.method.scale == model.method.scale == 4
    for height, width in ((1, 1), (33, 70), (64, 17)):
        images = torch.rand(1, 3, height, width, generator=generator(0)) * 2 - 1
        wanted = model.upscale(images, precision="fp32")
        assert wanted.shape[-2:] == (4 * height, 4 * width)
        assert_same(file.upscale(images), wanted)
        assert_same(file.upscale(images, tile=16), wanted)
        assert_same(file.upscale(images, precision="bf16"), wanted)


def test_the_file_describes_its_model(exported: Exported) -> None:
    model, path = exported("upscaler")
    entries = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    facts = onnx_facts(path)
    assert list(entries) == [METADATA_KEY]
    assert facts["part"] == "upscale"
    assert facts["scale"] == 4
    assert facts["receptive_radius"] == model.tiled_upscaler().network.receptive_radius
    assert facts["value_range"] == [-1, 1]
    assert facts["channel_order"] == "RGB"
    facts = onnx_facts(exported("diffusion")[1])
    assert facts["pictures"]["class_names"] == list("0123456789")
    assert facts["conditional"] is True
    assert facts["sampling"] == {
        "steps": 12,
        "schedule": "uniform",
        "sigma_min": pytest.approx(0.002),
        "sigma_max": pytest.approx(200),
        "guidance": True,
    }


def onnx_facts(path: Path) -> dict[str, Any]:
    from reverie.core.onnx import OnnxFile

    facts = OnnxFile.read(path).facts
    assert facts is not None
    return dict(facts)


@pytest.mark.parametrize(
    "changes",
    [
        {"part": "paint"},
        {"scale": 0},
        {"pictures": {"channels": "many"}},
        {"pictures": {}},
        {"options": {"width": "wide"}},
        {"sampling": 3},
        {"unknown": 1},
    ],
)
def test_damaged_facts_are_refused_in_one_sentence(
    changes: dict[str, Any], exported: Exported, tmp_path: Path
) -> None:
    import json

    path = exported("diffusion")[1]
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(onnx_facts(path) | changes)})
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(UserError, match="description is damaged: export it again"):
        reverie.load(tmp_path / "m.onnx")


def test_it_is_for_inference_only(
    exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = exported("vae")
    assert main(["info", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["method"] == "vae"
    assert facts["part"] == "generate"
    assert facts["value_range"] == [-1, 1]
    assert facts["inputs"]["latents"][0] == "batch"
    assert "parameters" not in facts
    for words in (
        ["export", path, "--out", tmp_path / "again.onnx"],
        ["reconstruct", path, path.parent, "--out", tmp_path / "r.png"],
        ["train", "encoder", "--init", path, "--out", tmp_path / "run"],
        ["translate", path, path.parent, "--out", tmp_path / "t"],
    ):
        assert main([str(word) for word in words]) == 2, words
        assert len(capsys.readouterr().err.strip().splitlines()) == 1, words


def test_a_network_whose_output_is_not_finite_is_refused(tmp_path: Path) -> None:
    shape = ["n", 3, "h", "w"]
    takes = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    gives = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape)
    nodes = [
        onnx.helper.make_node("Neg", ["x"], ["n"]),
        onnx.helper.make_node("Sqrt", ["n"], ["y"]),
    ]
    graph = onnx.helper.make_graph(nodes, "g", [takes], [gives])
    opset = onnx.helper.make_opsetid("", 20)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
    onnx.save(model, tmp_path / "nan.onnx")
    with pytest.raises(UserError, match="output is not finite for a plain image"):
        reverie.load(tmp_path / "nan.onnx")


@pytest.mark.parametrize(
    ("values", "name"), [((-1, 1), "[-1, 1]"), ((0, 1), "[0, 1]"), ((0, 255), "[0, 255]")]
)
@pytest.mark.parametrize(("channels", "scale"), [(3, 1), (1, 1), (3, 2)])
def test_a_network_of_others_gets_values_of_its_range(
    values: tuple[float, float], name: str, channels: int, scale: int, tmp_path: Path
) -> None:
    path = tmp_path / "m.onnx"
    write_image_graph(path, channels=channels, values=values, scale=scale)
    model = reverie.load(path)
    images = torch.rand(2, channels, 21, 34, generator=generator(0)) * 2 - 1
    if scale == 1:
        assert model.method_name == f"translator for values in {name}"
        assert "translates images" in describe_capabilities(model.method)
        assert_same(model.translate(images), images)
        assert_same(model.translate(images, tile=16), images)
    else:
        assert model.method_name == f"upscaler for values in {name}"
        wanted = F.interpolate(images, scale_factor=scale)
        assert_same(model.upscale(images), wanted)
        assert_same(model.upscale(images, tile=16), wanted)


def test_a_network_of_others_may_need_multiples(tmp_path: Path) -> None:
    model = reverie.load(write_image_graph(tmp_path / "m.onnx", pool=8))
    assert isinstance(model.method, Translates)
    assert model.method.translator("ab").multiple == 8
    made = model.translate(torch.full((1, 3, 21, 37), 0.5))
    assert_same(made, torch.full((1, 3, 21, 37), 0.5))
    model = reverie.load(write_image_graph(tmp_path / "m.onnx", pool=4, scale=2))
    assert_same(model.upscale(torch.zeros(1, 3, 21, 37)), torch.zeros(1, 3, 42, 74))


def test_a_network_of_fixed_size_takes_that_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_image_graph(tmp_path / "m.onnx", size=(24, 40))
    model = reverie.load(path)
    images = torch.rand(1, 3, 24, 40, generator=generator(0)) * 2 - 1
    assert_same(model.translate(images), images)
    with pytest.raises(UserError, match="40 x 24 pixels only, not of 20 x 30: resize them"):
        model.translate(torch.zeros(1, 3, 30, 20))
    Image.new("RGB", (50, 50)).save(tmp_path / "photo.png")
    for verb in ("translate", "upscale"):
        write_image_graph(path, size=(24, 40), scale=1 if verb == "translate" else 2)
        words = [verb, path, tmp_path / "photo.png", "--out", tmp_path / verb]
        assert main([str(word) for word in words]) != 0
        err = capsys.readouterr().err
        assert "not of 50 x 50" in err
        assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"inputs": 2}, "it takes x0 .*, x1 .*, and only networks that take one float32 image"),
        ({"channels": 4}, "only networks that take one float32 image"),
        ({"dtype": onnx.TensorProto.FLOAT16}, r"tensor\(float16\)"),
        ({"outputs": 2}, r"it makes \[1, 2, 64, 64\] of \[1, 3, 64, 64\], which is no image"),
    ],
)
def test_what_is_no_image_network_is_refused(
    words: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        reverie.load(write_image_graph(tmp_path / "m.onnx", **words))


def test_a_network_without_inputs_or_of_vectors_is_refused(tmp_path: Path) -> None:
    for inputs, output in (([], "c"), ([("x", [1, 5])], "x"), ([("x", [1, 3, 64, 64])], "m")):
        takes = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name, shape in inputs
        ]
        constant = onnx.numpy_helper.from_array(np.zeros(3, np.float32), "c")
        mean = onnx.helper.make_node("ReduceMean", ["x"], ["m"], keepdims=0)
        same = onnx.helper.make_node("Identity", [output], ["y"])
        gives = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
        nodes = [mean, same] if output == "m" else [same]
        graph = onnx.helper.make_graph(nodes, "g", takes, [gives], [constant])
        opset = onnx.helper.make_opsetid("", 20)
        onnx.save(
            onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10),
            tmp_path / "m.onnx",
        )
        with pytest.raises(UserError, match=r"^[^\n]*(which is no image|can be used)[^\n]*$"):
            reverie.load(tmp_path / "m.onnx")
