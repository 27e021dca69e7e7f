"""What every method must keep; a new method is tested at once by being in METHODS."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, Batches, DataOptions, ImageDataset, ImageSpec, open_dataset
from reverie.inference.model import Model
from reverie.methods import METHODS, Method, Samples, Translates, Upscales
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import Recipe
from reverie.runs.model_folder import build_method, load_model, save_model

SPEC = ImageSpec(1, 28, tuple("0123456789"))

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in METHODS),
    ("vae", {"network": "convolutional", "likelihood": "gaussian"}),
    ("vae", {"latent_size": 2, "kl_warmup_steps": 10}),
    *(("gan", {"loss": x}) for x in ("lsgan", "hinge", "wgan-gp", "relativistic")),
    ("gan", {"spectral_norm": True, "r1": 1.0, "r2": 1.0}),
    ("dcgan", {"loss": "bce", "discriminator_norm": "batch", "r1": 0.0, "r2": 0.0}),
    ("dcgan", {"loss": "wgan-gp", "upsampling": "nearest", "r1": 0.0, "r2": 0.0}),
    ("dcgan", {"spectral_norm": True, "augment": ("colour", "translation", "cutout")}),
    ("cgan", {"condition": "channel", "conditional_norm": False, "discriminator_norm": "batch"}),
    ("cgan", {"spectral_norm": True, "loss": "hinge"}),
    *(("diffusion", {"objective": x}) for x in ("flow", "v", "ddpm")),
    ("diffusion", {"conditional": False, "patch": 1, "blocks": 2, "multipliers": (1, 1, 2)}),
    ("cyclegan", {"norm": "batch", "discriminator_norm": "batch", "identity_weight": 0.0}),
    ("cyclegan", {"norm": "batch", "resampling": "nearest", "pool_size": 0, "loss": "hinge"}),
    ("cyclegan", {"joins_input": True, "norm": "group", "discriminator_norm": "none", "r1": 1.0}),
    ("cyclegan", {"residual": True, "warps": True, "smooth": 0.2, "cycle_noise": 0.1}),
    ("cyclegan", {"discriminator": "pixel", "network": "unet", "augment": ("translation",)}),
    ("pix2pix", {"network": "resnet", "norm": "instance", "dropout": False, "loss": "lsgan"}),
    ("pix2pix", {"discriminator": "patch-same", "discriminator_norm": "none", "r1": 1.0}),
    ("cut", {"flip_equivariance": True, "identity_contrast": False, "contrast_weight": 10.0}),
    ("cut", {"resampling": "transposed", "loss": "relativistic", "r1": 1.0}),
    ("srresnet", {"network": "srresnet", "error": "l2", "scale": 2}),
    ("srresnet", {"network": "srresnet", "norm": False, "degradation": "real"}),
    ("srresnet", {"network": "msrresnet"}),
    ("srgan", {"network": "srresnet", "loss": "relativistic-average", "pixel_weight": 1.0}),
    ("esrgan", {"network": "rrdb", "scale": 2, "growth": 4}),
    ("encoder", {"pictures_after": 0, "base": "gan", "base_options": {"latent_size": 8}}),
    (
        "encoder",
        {
            "base": "cgan",
            "base_options": {"width": 4, "latent_size": 8, "embedding_size": 4},
            "base_classes": 3,
        },
    ),
    ("vae", {"latent_weight": 1.0, "likelihood": "gaussian"}),
    *((name, {"latent_weight": 1.0}) for name in ("gan", "dcgan", "cgan")),
]

SMALL: dict[str, dict[str, Any]] = {
    "vae": {"hidden": (32,), "width": 4},
    "gan": {"hidden": (16, 32)},
    "dcgan": {"width": 4, "latent_size": 8},
    "cgan": {"width": 4, "latent_size": 8, "embedding_size": 4},
    "diffusion": {"width": 8},
    "cyclegan": {"width": 4, "discriminator_width": 4, "blocks": 1},
    "pix2pix": {"width": 4, "discriminator_width": 4, "blocks": 1},
    "cut": {"width": 4, "discriminator_width": 4, "blocks": 1, "head_size": 8, "places": 16},
    "srresnet": {"width": 8, "blocks": 2},
    "srgan": {"width": 8, "blocks": 2, "discriminator_width": 4},
    "esrgan": {"width": 8, "blocks": 2, "discriminator_width": 4},
    "encoder": {"width": 4, "base_options": {"width": 4, "latent_size": 8}},
}


def reference_name(variant: tuple[str, dict[str, Any]]) -> str:
    return "-".join([variant[0], *(f"{k}={v}" for k, v in variant[1].items())])


@pytest.fixture(params=VARIANTS, ids=reference_name)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    name, changes = request.param
    return recipe_for(name).with_options(**SMALL.get(name, {}) | changes)


@pytest.fixture
def method(recipe: Recipe) -> Method:
    return build_method(recipe, SPEC)


@pytest.fixture(scope="module")
def pictures() -> ImageDataset:
    return open_dataset(DataOptions(data="digits"))


@pytest.fixture
def batches(recipe: Recipe, pictures: ImageDataset) -> Batches:
    """Batches that have all that any method needs: labels, and pictures of the other side."""
    small_are_made = METHODS[recipe.method].data_kind == "degraded"
    return Batches(replace(pictures, domain_b=None if small_are_made else pictures), 8, seed=0)


def rng(seed: int = 0) -> Rng:
    return Rng(torch.Generator().manual_seed(seed), step=5)


def test_each_phase_moves_only_its_own_networks(method: Method, batches: Batches) -> None:
    batch = batches.read(0)
    torch.manual_seed(0)
    with torch.no_grad():  # layers that begin at zero let no gradient through
        for parameter in method.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    for phase in method.phases():
        own = [p for network in phase.networks for p in network.parameters()]
        method.zero_grad()
        frozen = copy.deepcopy(method)
        phase.loss(batch, rng())[0].backward()
        moved = [p for p in own if p.grad is not None and p.grad.abs().sum() > 0]
        assert len(moved) >= len(own) / 2, phase.name
        # The loop freezes the others; with them frozen the loss still has its whole gradient.
        expected = [None if p.grad is None else p.grad.clone() for p in own]
        twin = {p.name: p for p in frozen.phases()}[phase.name]
        frozen.requires_grad_(False)
        parameters = [p for network in twin.networks for p in network.parameters()]
        for parameter in parameters:
            parameter.requires_grad_(True)
            parameter.grad = None
        twin.loss(batch, rng())[0].backward()
        assert all(p.grad is None for p in frozen.parameters() if not p.requires_grad)
        for parameter, gradient in zip(parameters, expected, strict=True):
            assert (parameter.grad is None) == (gradient is None)
            if gradient is not None:
                torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


def test_every_network_has_a_phase(method: Method) -> None:
    moved = {id(p) for phase in method.phases() for n in phase.networks for p in n.parameters()}
    kept = {id(p) for name in method.frozen for p in method.get_submodule(name).parameters()}
    assert moved == {id(p) for p in method.parameters()} - kept
    assert not moved & kept


def test_one_batch_is_overfitted(recipe: Recipe, batches: Batches) -> None:
    """Stepped by itself on one batch and one draw, every phase's loss falls far."""
    batch = batches.read(0)
    for phase_name in [p.name for p in build_method(recipe, SPEC).phases()]:
        method = build_method(recipe, SPEC)
        phase = {p.name: p for p in method.phases()}[phase_name]
        with torch.no_grad():
            for name, parameter in method.named_parameters():
                if name.startswith("discriminator"):  # a fresh one says almost nothing
                    parameter.mul_(5.0)
        parameters = [p for network in phase.networks for p in network.parameters()]
        optimiser = torch.optim.Adam(parameters, 2e-3)
        losses = []
        for _ in range(60):
            loss = phase.loss(batch, rng())[0]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0] - 0.1 * abs(losses[0]), phase_name


def test_same_seed_same_bits(recipe: Recipe, batches: Batches) -> None:
    states = []
    for _ in range(2):
        method = build_method(recipe, SPEC)
        for phase in method.phases():
            loss, _ = phase.loss(batches.read(1), rng(3))
            loss.backward()
        states.append([*method.state_dict().values(), *(p.grad for p in method.parameters())])
    for one, other in zip(*states, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


def test_another_draw_is_another_loss(method: Method, batches: Batches) -> None:
    method.eval()
    with torch.no_grad():  # fresh DCGANs say almost nothing
        for parameter in method.parameters():
            parameter.mul_(5.0)
    if isinstance(method, Translates):
        return  # from given pictures to given pictures: most of these losses draw nothing
    if isinstance(method, Upscales) and method.options.degradation == "bicubic":
        return
    for phase in method.phases():
        if phase.name == "penalty" and not getattr(method.options, "r2", 0):
            continue  # R1 draws nothing
        one, other = (phase.loss(batches.read(0), rng(seed))[0].item() for seed in (1, 2))
        assert one != other


def test_saved_and_loaded_gives_the_same_bits(
    recipe: Recipe, method: Method, tmp_path: Any
) -> None:
    save_model(tmp_path / "model", recipe.method, method, "a card")
    name, loaded = load_model(tmp_path / "model")
    assert name == recipe.method
    assert loaded.options == method.options
    assert loaded.spec == method.spec
    if isinstance(method, Samples):
        method.eval()
        before, after = (Model("m", name, m).sample(5, seed=2) for m in (method, loaded))
        assert torch.equal(before, after)
    if isinstance(method, Upscales):
        method.eval()
        small = torch.rand(2, 1, 9, 7) * 2 - 1
        before, after = (Model("m", name, m).upscale(small) for m in (method, loaded))
        assert before.shape == (2, 1, 9 * method.scale, 7 * method.scale)
        assert torch.equal(before, after)


def test_a_sample_depends_on_its_own_seed_alone(method: Method, monkeypatch: Any) -> None:
    if not isinstance(method, Samples):
        return
    model = Model("m", "x", method.eval())
    labels = 4 if model.class_names else None
    many = model.sample(9, seed=10, label=labels)
    assert many.shape == (9, 1, 28, 28)
    assert many.dtype == torch.float32
    assert many.abs().max() <= 1
    torch.testing.assert_close(
        model.sample(1, seed=13, label=labels)[0], many[3], rtol=0, atol=1e-5
    )
    monkeypatch.setattr("reverie.inference.model.BATCH_SIZE", 2)
    torch.testing.assert_close(model.sample(9, seed=10, label=labels), many, rtol=0, atol=1e-5)
    assert not torch.equal(many[0], many[1])


@pytest.mark.parametrize(("channels", "size"), [(3, 32), (1, 32), (3, 28), (3, 64), (3, 128)])
@pytest.mark.parametrize("name", METHODS)
def test_colours_and_sizes(name: str, channels: int, size: int) -> None:
    spec = ImageSpec(channels, size, ("a", "b"))
    recipe = Recipe(method=name, options=METHODS[name].Options()).with_options(
        **SMALL.get(name, {})
    )
    method = build_method(recipe, spec)
    pictures = torch.rand(4, channels, size, size) * 2 - 1
    other = {} if METHODS[name].data_kind == "degraded" else {"other": pictures.flip(0)}
    batch = Batch(pictures, torch.tensor([0, 1, 1, 0]), **other)
    for phase in method.phases():
        loss, parts = phase.loss(batch, rng())
        assert loss.ndim == 0
        assert torch.isfinite(loss)
        assert all(torch.isfinite(part) for part in parts.values())
    assert all(p.shape[1:] == (channels, size, size) for p in previews(method, batch).values())


def previews(method: Method, batch: Any) -> dict[str, torch.Tensor]:
    latents = torch.randn(4, *method.latent_shape) if isinstance(method, Samples) else None
    with torch.no_grad():
        return method.eval().previews(latents, batch.labels, batch)


def test_labels_are_checked() -> None:
    recipe = recipe_for("cgan").with_options(**SMALL["cgan"])
    model = Model("m", "cgan", build_method(recipe, SPEC).eval())
    assert model.labels(12).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert model.labels(2, "7").tolist() == [7, 7]
    assert model.labels(2, [3, "4"]).tolist() == [3, 4]
    with pytest.raises(UserError, match="classes are 0 to 9"):
        model.sample(1, label=10)
    with pytest.raises(UserError, match="has no class 'seven'"):
        model.sample(1, label="seven")
    with pytest.raises(UserError, match="3 labels for 2 pictures"):
        model.sample(2, label=[1, 2, 3])
    with pytest.raises(UserError, match="one picture or more"):
        model.sample(0)


def test_what_a_model_cannot_do_is_said() -> None:
    gan = Model("runs/g", "gan", build_method(recipe_for("gan"), SPEC))
    with pytest.raises(UserError, match="knows no classes"):
        gan.sample(1, label=3)
    with pytest.raises(UserError, match="it makes pictures from noise"):
        gan.encode(torch.zeros(1, 1, 28, 28))


def test_a_conditional_gan_needs_classes() -> None:
    with pytest.raises(UserError, match="two classes or more"):
        build_method(recipe_for("cgan"), ImageSpec(1, 28))
