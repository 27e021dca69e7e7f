"""Denoisers of diffusers: a stand-in of the library everywhere, the real one where it is."""

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.core.rng import latents_of_seeds
from reverie.exports.contents import write_contents
from reverie.exports.options import CardOptions
from reverie.inference.load import holds_a_model, is_image_folder
from reverie.methods.diffusion.objectives import cosine_alpha_bar, linear_alpha_bar
from reverie.methods.diffusion.pretrained import NoiseSchedule, load_denoiser

CONFIG = {
    "_class_name": "UNet2DModel",
    "in_channels": 3,
    "out_channels": 3,
    "sample_size": 8,
    "num_class_embeds": 4,
}
SCHEDULE = {
    "_class_name": "DDPMScheduler",
    "num_train_timesteps": 1000,
    "beta_schedule": "linear",
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "prediction_type": "epsilon",
    "clip_sample": False,
    "variance_type": "fixed_small",
}


class StandIn(nn.Module):
    """Takes and returns what `UNet2DModel` does, and keeps the time steps that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.attentions = nn.ModuleList([nn.ModuleDict({"to_q": nn.Linear(2, 2)})])
        self.classes = nn.Embedding(4, 3)
        self.steps: list[Tensor] = []

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "StandIn":
        if config["in_channels"] != 3:
            raise ValueError("3 channels")
        return cls()

    def forward(self, x: Tensor, step: Tensor, labels: Tensor, return_dict: bool = True) -> Any:
        if not torch.compiler.is_exporting():
            self.steps.append(step)
        return (self.conv(x) + self.classes(labels)[..., None, None],)


@pytest.fixture
def diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    """`import diffusers` gives the stand-in."""
    module: Any = types.ModuleType("diffusers")
    module.UNet2DModel = StandIn
    monkeypatch.setitem(sys.modules, "diffusers", module)


def write(folder: Path, config: object = None, schedule: object = None) -> Path:
    """A pipeline's folder with random weights, and the names of old files for attention."""
    for name in ("unet", "scheduler"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "unet" / "config.json").write_text(json.dumps(config or CONFIG))
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule or SCHEDULE))
    torch.manual_seed(0)
    weights = {name.replace("to_q", "query"): x for name, x in StandIn().state_dict().items()}
    save_file(weights, folder / "unet" / "diffusion_pytorch_model.safetensors")
    return folder


@pytest.mark.usefixtures("diffusers")
def test_a_folder_is_a_model(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    assert holds_a_model(folder)
    assert not is_image_folder(folder)
    model = reverie.load(folder)
    assert model.class_names == ("0", "1", "2", "3")
    assert model.sample(2, label=3, steps=3).shape == (2, 3, 8, 8)
    assert reverie.info(folder)["method"] == "denoiser"
    with pytest.raises(UserError, match="leave --guidance out"):
        model.sample(1, guidance=2.0)
    with pytest.raises(UserError, match="for inference only"):
        model.method.phases()
    with pytest.raises(UserError, match="send the folder"):
        reverie.pack(folder, out=tmp_path / "model.zip")
    contents = tmp_path / "contents"  # what is pushed
    write_contents(folder, contents, "hf:me/model", CardOptions(license="mit"))
    assert "library_name: diffusers" in (contents / "README.md").read_text()
    assert (reverie.load(contents).sample(1, steps=2) == model.sample(1, steps=2)).all()


@pytest.mark.usefixtures("diffusers")
def test_every_file_in_one_folder_is_a_model_too(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    for file in [*folder.glob("*/*")]:
        file.rename(folder / file.name)
    assert reverie.load(folder).sample(1, steps=2).shape == (1, 3, 8, 8)


@pytest.mark.usefixtures("diffusers")
@pytest.mark.parametrize("target", ["epsilon", "v_prediction", "sample"])
def test_the_denoiser_solves_the_equation_of_its_target(tmp_path: Path, target: str) -> None:
    method = load_denoiser(write(tmp_path, schedule=SCHEDULE | {"prediction_type": target}))
    alpha_bar = linear_alpha_bar()[[0, 300, 999]]
    x_t = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(1)).double()
    labels = torch.tensor([0, 1, 3])
    a, b = (root.sqrt()[:, None, None, None] for root in (alpha_bar, 1 - alpha_bar))
    sigma = (b / a)[:, 0, 0, 0]
    made = method.denoise_levels(x_t / a, sigma.float(), labels)
    network = method.unet
    assert isinstance(network, StandIn)
    torch.testing.assert_close(network.steps[-1], torch.tensor([0.0, 300, 999]), rtol=0, atol=2e-4)
    said = network(x_t.float(), torch.zeros(3), labels)[0].double()
    wanted = {
        "epsilon": (x_t - b * said) / a,
        "v_prediction": a * x_t - b * said,
        "sample": said,
    }[target]
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("diffusers")
def test_predicted_images_are_clamped_where_training_did(tmp_path: Path) -> None:
    clamping = SCHEDULE | {"clip_sample": True, "clip_sample_range": 0.5}
    x = 50 * torch.ones(1, 3, 8, 8)
    free = load_denoiser(write(tmp_path)).denoise(x, 20.0)
    assert free.abs().max() > 0.5
    made = load_denoiser(write(tmp_path, schedule=clamping)).denoise(x, 20.0)
    torch.testing.assert_close(made, free.clamp(-0.5, 0.5))


def test_schedules() -> None:
    def alpha_bar(name: str, **others: Any) -> Tensor:
        return NoiseSchedule(num_train_timesteps=1000, beta_schedule=name, **others).alpha_bar()  # type: ignore[arg-type]

    torch.testing.assert_close(alpha_bar("linear"), linear_alpha_bar())
    cosine = alpha_bar("squaredcos_cap_v2")
    torch.testing.assert_close(cosine, cosine_alpha_bar())
    roots = [0.03 + (0.1 - 0.03) * at / 999 for at in range(3)]
    wanted = torch.tensor([1 - root**2 for root in roots], dtype=torch.float64).cumprod(0)
    made = alpha_bar("scaled_linear", beta_start=0.0009, beta_end=0.01)
    torch.testing.assert_close(made[:3], wanted)
    rescaled = alpha_bar("linear", rescale_betas_zero_snr=True)
    torch.testing.assert_close(rescaled[0], linear_alpha_bar()[0])
    assert rescaled[-1] == 2.0**-40
    assert (rescaled.diff() < 0).all()


@pytest.mark.usefixtures("diffusers")
@pytest.mark.parametrize(
    ("config", "schedule", "words"),
    [
        ({"_class_name": "UNet2DConditionModel"}, {}, "only UNet2DModel"),
        ({"in_channels": 4}, {}, "takes 4 channels and returns 3"),
        ({"in_channels": 1, "out_channels": 1}, {}, "no network can be built like this"),
        ({"sample_size": None}, {}, '"sample_size": 32'),
        ({"sample_size": "large"}, {}, "must be a side in pixels"),
        ({"num_class_embeds": "many"}, {}, "no number of classes"),
        ({"class_embed_type": "timestep"}, {}, "another way than by default"),
        ({}, {"beta_schedule": "sigmoid"}, "must be one of linear"),
        ({}, {"trained_betas": [0.1]}, "trained_betas and thresholding"),
        ({}, {"prediction_type": "flow"}, "must be one of epsilon"),
        ({}, {"num_train_timesteps": 0}, "at least 2"),
    ],
)
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, config: dict[str, Any], schedule: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        load_denoiser(write(tmp_path, CONFIG | config, SCHEDULE | schedule))


@pytest.mark.usefixtures("diffusers")
def test_files_that_are_missing(tmp_path: Path) -> None:
    weights = write(tmp_path) / "unet" / "diffusion_pytorch_model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:50])
    with pytest.raises(UserError, match="not a safetensors file"):
        load_denoiser(tmp_path)
    weights.unlink()
    with pytest.raises(UserError, match="copy the whole folder again"):
        load_denoiser(tmp_path)
    weights.with_suffix(".bin").write_bytes(b"a pickle")
    with pytest.raises(UserError, match="are never read, so save them as safetensors"):
        load_denoiser(tmp_path)
    save_file({"conv.weight": torch.zeros(1)}, weights)
    with pytest.raises(UserError, match=r"conv\.weight is \[1\]"):
        load_denoiser(tmp_path)
    (tmp_path / "scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(UserError, match=r"scheduler_config\.json is missing"):
        load_denoiser(tmp_path)
    (tmp_path / "unet" / "config.json").unlink()
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(UserError, match="no UNet2DModel in unet/"):
        load_denoiser(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("diffusers")
def test_an_exported_file_samples_what_the_model_does(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    folder = write(tmp_path / "model", schedule=SCHEDULE | {"beta_end": 0.03, "clip_sample": True})
    made = tmp_path / "model.onnx"
    reverie.export(folder, out=made)
    model, file = reverie.load(folder), reverie.load(made)
    for label in ([1, 2], None):
        wanted = model.sample(2, seed=1, label=label, steps=3)
        torch.testing.assert_close(
            file.sample(2, seed=1, label=label, steps=3), wanted, rtol=0, atol=1e-4
        )
    with pytest.raises(UserError, match="leave --guidance out"):
        file.sample(1, guidance=2.0)


def test_without_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)  # as if it were not installed
    assert main(["sample", str(write(tmp_path / "model"))]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'reverie[diffusers]'" in said


@pytest.mark.parametrize("target", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("schedule", ["linear", "scaled_linear", "squaredcos_cap_v2"])
@pytest.mark.slow
def test_samples_are_those_of_diffusers(tmp_path: Path, target: str, schedule: str) -> None:
    library: Any = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    network = library.UNet2DModel(
        sample_size=16,
        block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        num_class_embeds=4,
    )
    with torch.no_grad():  # an untrained network's errors would be amplified without bound
        network.conv_out.weight *= 0.1
    network.eval().save_pretrained(tmp_path)
    scheduler = library.DDIMScheduler(
        num_train_timesteps=1000,
        clip_sample=False,
        prediction_type=target,
        beta_schedule=schedule,
        timestep_spacing="trailing",
        rescale_betas_zero_snr=target == "v_prediction",
    )
    scheduler.save_pretrained(tmp_path)
    made = reverie.load(tmp_path).sample(
        2, seed=3, label=[1, 2], sampler="ddim", schedule="uniform", steps=10
    )
    scheduler.set_timesteps(10)
    x = latents_of_seeds([3, 4], (3, 16, 16)) * (1 - scheduler.alphas_cumprod[-1]).sqrt()
    with torch.no_grad():
        for step in scheduler.timesteps:
            said = network(x, step, torch.tensor([1, 2])).sample
            x = scheduler.step(said, step, x).prev_sample
    torch.testing.assert_close(made, x.clamp(-1, 1), rtol=0, atol=1e-4)
    if schedule == "linear" and importlib.util.find_spec("onnxscript"):
        reverie.export(tmp_path, out=tmp_path / "model.onnx")
        from_file = reverie.load(tmp_path / "model.onnx").sample(
            2, seed=3, label=[1, 2], sampler="ddim", schedule="uniform", steps=10
        )
        torch.testing.assert_close(from_file, made, rtol=0, atol=1e-3)
