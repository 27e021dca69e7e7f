"""Checks to run for each set of options that changes networks or losses."""

import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from reverie.core.rng import Rng
from reverie.data import Batch
from reverie.inference.model import Model
from reverie.methods import Encodes, Method, Phase, Samples, Translates, Upscales
from reverie.nn.dropout import set_dropout_generator
from reverie.runs.model_folder import load_model, save_model
from reverie.testing.subject import (
    SPEC,
    Subject,
    evaluate_loss,
    generator,
    parameters_of,
    random_batch,
    random_images,
)

OVERFIT_STEPS, OVERFIT_RATE = 60, 2e-3


def check_networks(subject: Subject) -> None:
    """Every parameter belongs to a network of a phase, or to one in `frozen`, and not to both."""
    method = subject.build()
    trained = {id(p) for phase in method.phases() for p in parameters_of(phase)}
    kept = {id(p) for name in method.frozen for p in method.get_submodule(name).parameters()}
    for name, parameter in method.named_parameters():
        assert id(parameter) in trained | kept, (
            f"{name} must be trained: put its network into a phase, or its name into `frozen`."
        )
        assert id(parameter) not in trained & kept, (
            f"{name} must not be trained: its network is in `frozen`, and in a phase."
        )
    assert trained <= {id(p) for p in method.parameters()}, (
        "every network of a phase must be an attribute of the method, or it would not be saved."
    )


def check_phases(subject: Subject) -> None:
    """Every phase moves its own networks, and needs no gradient of the others."""
    method, batch = subject.build(), random_batch(SPEC)
    add_noise(method)
    for phase in method.phases():
        own = parameters_of(phase)
        method.zero_grad()
        others_frozen = copy.deepcopy(method)
        evaluate_loss(phase, batch)[0].backward()
        moved = [p for p in own if p.grad is not None and p.grad.abs().sum() > 0]
        assert len(moved) >= len(own) / 2, (
            f"phase {phase.name!r} must move its networks, but only {len(moved)} of their "
            f"{len(own)} parameters have a gradient."
        )
        _check_gradients_without_others(others_frozen, phase, batch, [p.grad for p in own])


def _check_gradients_without_others(
    method: Method, phase: Phase, batch: Batch, expected: list[Tensor | None]
) -> None:
    """The gradients of a phase are as `expected` where all other networks are frozen."""
    twin = {p.name: p for p in method.phases()}[phase.name]
    method.requires_grad_(False)
    own = parameters_of(twin)
    for parameter in own:
        parameter.requires_grad_(True)
    evaluate_loss(twin, batch)[0].backward()
    others = [p for p in method.parameters() if not p.requires_grad]
    assert all(p.grad is None for p in others), (
        f"phase {phase.name!r} must not turn on the gradients of networks that are not its own."
    )
    for parameter, gradient in zip(own, expected, strict=True):
        now = parameter.grad
        same = now is gradient if now is None or gradient is None else _close(now, gradient)
        assert same, (
            f"phase {phase.name!r} must have the same gradients where all networks but its own "
            "are frozen, as the training loop freezes them."
        )


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-3, atol=1e-5)


def check_overfitting(subject: Subject) -> None:
    """Stepped by itself on one batch and one draw, every phase's loss falls far."""
    batch = random_batch(SPEC)
    for number, name in enumerate(phase.name for phase in subject.build().phases()):
        method = subject.build()
        amplify_discriminators(method)
        first, last = _train_alone(method.phases()[number], batch)
        assert last < first - 0.1 * abs(first), (
            f"the loss of phase {name!r} must fall on a batch that is shown {OVERFIT_STEPS} "
            f"times, and goes from {first:.4g} to {last:.4g}."
        )


def _train_alone(phase: Phase, batch: Batch) -> tuple[float, float]:
    """The first and the last loss of a phase that is stepped on one batch."""
    optimiser = torch.optim.Adam(parameters_of(phase), OVERFIT_RATE)
    losses = []
    for _ in range(OVERFIT_STEPS):
        loss = evaluate_loss(phase, batch)[0]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


def check_determinism(subject: Subject) -> None:
    """The same seed gives the same weights, gradients and buffers, to the bit."""
    states = []
    for _ in range(2):
        method = subject.build()
        set_dropout_generator(method, generator(3))
        for phase in method.phases():
            phase.loss(random_batch(SPEC), Rng(generator(3), step=5))[0].backward()
        states.append(dict(method.state_dict()) | _gradients(method))
    one, other = states
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), (
            f"{name} must be the same for the same seed: draw all random numbers from the Rng, and "
            "leave dropout to layers of the class reverie.nn.dropout.Dropout."
        )


def _gradients(method: Method) -> dict[str, Tensor]:
    named = {f"gradient of {name}": p.grad for name, p in method.named_parameters()}
    return {name: gradient for name, gradient in named.items() if gradient is not None}


def check_saving(subject: Subject) -> None:
    """A method that was saved and loaded has the same options and gives the same bits."""
    method = subject.build()
    with TemporaryDirectory() as folder:
        save_model(Path(folder), subject.recipe.method, method, "a card")
        name, loaded = load_model(Path(folder))
    assert name == subject.recipe.method, "a model folder must name its method."
    assert loaded.options == method.options, "options must survive JSON."
    assert loaded.spec == method.spec, "the image spec must survive JSON."
    before, after = inference_outputs(method.eval()), inference_outputs(loaded)
    for what, output in before.items():
        assert torch.equal(output, after[what]), (
            f"{what} must be the same after saving and loading: keep all that inference needs in "
            "parameters and buffers, outside of `training_only`."
        )


def check_samples(subject: Subject) -> None:
    """An image that is sampled depends on its own seed alone, not on the others of its batch."""
    method = subject.build().eval()
    if not isinstance(method, Samples):
        return
    model = Model("the method", subject.recipe.method, method)
    label = 4 if model.class_names else None
    many = model.sample(9, seed=10, label=label)
    assert many.shape == (9, SPEC.channels, *SPEC.size.shape), (
        f"generate must return images [B, C, H, W] of the image spec, not {tuple(many.shape)}."
    )
    assert many.dtype == torch.float32, "generate must return float32."
    for seed, count in ((13, 1), (15, 4)):
        part = model.sample(count, seed=seed, label=label)
        assert torch.allclose(part, many[seed - 10 :][:count], rtol=0, atol=1e-5), (
            "in eval mode an image must depend on its own latent alone, not on its batch."
        )
    assert not torch.equal(many[0], many[1]), "different seeds must give different images."


@torch.no_grad()
def add_noise(method: Method) -> None:
    """Move all weights a little: layers that are initialized to zero let no gradient through."""
    noise = generator(0)
    for parameter in method.parameters():
        parameter.add_(0.02 * torch.randn(parameter.shape, generator=noise))


@torch.no_grad()
def amplify_discriminators(method: Method) -> None:
    """Multiply the weights that only training needs, so that initial logits depend on the image."""
    for name, parameter in method.named_parameters():
        if name.split(".", 1)[0] not in (*method.averaged, *method.frozen):
            parameter.mul_(5.0)


@torch.no_grad()
def inference_outputs(method: Method) -> dict[str, Tensor]:
    """What a method computes after training, by the name of its capability."""
    images, outputs = random_images(2, SPEC), {}
    model = Model("the method", "method", method)
    if isinstance(method, Samples):
        outputs["sample"] = model.sample(5, seed=2)
    if isinstance(method, Encodes):
        outputs["encode"] = method.encode(images)
    if isinstance(method, Translates):
        for direction in method.directions:
            outputs[f"translate {direction}"] = method.translator(direction)(images)
    if isinstance(method, Upscales):
        small = images[:, :, :9, :7]
        outputs["upscale"] = model.upscale(small)
        expected = (2, SPEC.channels, 9 * method.scale, 7 * method.scale)
        assert outputs["upscale"].shape == expected, (
            f"upscaled images must be {expected}, not {tuple(outputs['upscale'].shape)}."
        )
    return outputs
