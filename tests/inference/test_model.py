"""What a diffusion model can be asked for, on a tiny one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie import images
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.inference.model import Model
from reverie.inference.sample import start_from
from reverie.methods.diffusion.sampler_options import Start
from reverie.methods.presets import recipe_for
from reverie.runs.model_folder import build_method, save_model

SPEC = ImageSpec(1, 28, ("a", "b", "c"))


def tiny(**options: object) -> Model:
    recipe = recipe_for("diffusion").with_options(width=8, **options)
    method = build_method(recipe, SPEC)
    torch.manual_seed(1)
    with torch.no_grad():  # a fresh network says nothing at all
        for parameter in method.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return Model("tiny", "diffusion", method.eval())


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny()


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "euler", "heun", "dpmpp-2m"])
@pytest.mark.parametrize("schedule", ["karras", "uniform"])
def test_every_sampler_gives_each_seed_its_own_picture(
    model: Model, sampler: str, schedule: str
) -> None:
    how = {"sampler": sampler, "schedule": schedule, "steps": 3, "label": "b"}
    many = model.sample(5, seed=4, **how)  # type: ignore[arg-type]
    alone = model.sample(1, seed=6, **how)  # type: ignore[arg-type]
    # Attention's matrix products round a little differently for another number of pictures.
    torch.testing.assert_close(alone[0], many[2], rtol=0, atol=5e-5)
    assert torch.isfinite(many).all()


@pytest.mark.parametrize("sampler", ["ddpm", "dpmpp-2m"])
def test_any_seeds_and_labels_are_sampled_together(model: Model, sampler: str) -> None:
    seeds, labels = [7, 3, -5, 7], torch.tensor([2, 0, 1, 1])
    together = model.sample_seeds(seeds, labels, steps=3, sampler=sampler)
    for image, seed, label in zip(together, seeds, labels.tolist(), strict=True):
        alone = model.sample(1, seed=seed, label=label, steps=3, sampler=sampler)
        torch.testing.assert_close(image, alone[0], atol=1e-4, rtol=0)


def test_guidance_goes_beyond_the_label(model: Model) -> None:
    plain, guided, none = (model.sample(2, label=1, steps=3, guidance=w) for w in (1.0, 3.0, 0.0))
    assert not torch.equal(plain, guided)
    other = model.sample(2, label=2, steps=3, guidance=0.0)
    torch.testing.assert_close(none, other, rtol=0, atol=1e-5)  # no weight on the label


def test_between_two_seeds_lie_both_ends(model: Model) -> None:
    way = model.sample(5, between=(3, 9), label=0, steps=2)
    ends = [model.sample(1, seed=s, label=0, steps=2)[0] for s in (3, 9)]
    torch.testing.assert_close(way[0], ends[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(way[-1], ends[1], rtol=0, atol=1e-4)
    with pytest.raises(UserError, match="name it with --label"):
        model.sample(5, between=(3, 9))


def test_a_start_changes_by_its_strength(model: Model) -> None:
    picture = torch.linspace(-1, 1, 784).reshape(1, 1, 28, 28)
    kept = model.sample(1, label=0, steps=4, start=Start(picture, 0.0))
    torch.testing.assert_close(kept, picture, rtol=0, atol=1e-6)
    changed = [
        (model.sample(1, label=0, steps=8, start=Start(picture, s)) - picture).abs().mean()
        for s in (0.25, 1.0)
    ]
    assert 0 < changed[0] < changed[1]


def test_a_mask_keeps_what_it_does_not_cover(model: Model) -> None:
    picture = torch.linspace(-1, 1, 784).reshape(1, 1, 28, 28)
    mask = torch.zeros(1, 1, 28, 28)
    mask[..., :14] = 1
    made = model.sample(2, label=0, steps=4, start=Start(picture, 1.0, mask))
    torch.testing.assert_close(made[..., 14:], picture[..., 14:].expand(2, -1, -1, -1))
    assert (made[..., :14] - picture[..., :14]).abs().mean() > 0.01


def test_what_makes_no_sense_is_refused(model: Model) -> None:
    with pytest.raises(UserError, match=r"--sampler must be one of .*heun, .*, not 'heum'"):
        model.sample(1, sampler="heum")
    with pytest.raises(UserError, match="no option 'stepps'; did you mean 'steps'"):
        reverie.sample(model, 1, stepps=3)
    with pytest.raises(UserError, match="--steps must be at least 1, not 0"):
        model.sample(1, steps=0)
    free = tiny(conditional=False)
    assert free.class_names == ()
    with pytest.raises(UserError, match="nothing to guide towards"):
        free.sample(1, guidance=2.0)


def test_on_the_command_line(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "model", "diffusion", model.method, "a card")
    Image.fromarray(np.full((50, 40, 3), 90, np.uint8)).save(tmp_path / "init.png")
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save(tmp_path / "mask.png")
    words = ["sample", tmp_path / "model", "-n", 3, "--steps", 4, "--label", "a"]
    words += ["--strength", 1, "--init", tmp_path / "init.png", "--mask", tmp_path / "mask.png"]
    words += ["--film", tmp_path / "film.gif", "--out", tmp_path / "out.png", "--guidance", 2]
    assert main([str(word) for word in words]) == 0
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 4  # four steps; the last is the picture itself
    assert images.read(tmp_path / "film.png").shape[1] > images.read(tmp_path / "film.png").shape[0]
    capsys.readouterr()
    for flags, message in (
        (["--film", "film.mp4"], "a film is a .gif"),
        (["--mask", tmp_path / "mask.png"], "name it with --init"),
        (["--init", tmp_path / "init.png", "--strength", 2], "must be at most 1"),
        (["--label", "d"], "has no class 'd'"),
    ):
        assert main([str(w) for w in (words[0], words[1], "--steps", 1, *flags)]) == 2
        assert message in capsys.readouterr().err


def test_a_start_is_made_to_fit(model: Model, tmp_path: Path) -> None:
    Image.fromarray(np.full((50, 40, 3), 255, np.uint8)).save(tmp_path / "init.png")
    start = start_from(model, tmp_path / "init.png", 0.5)
    assert start.image.shape == (1, 1, 28, 28)
    assert start.image.min() == 1
