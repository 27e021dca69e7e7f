"""Checks to run once for a class: declarations, presets, flags, sizes, previews, resuming."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import tyro
from torch import nn

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.state_dict import without_memory
from reverie.data import DataOptions
from reverie.methods import Method, MethodOptions, Preview, Samples
from reverie.methods.capabilities import cycle_labels
from reverie.methods.presets import recipe_for, recipe_from_json
from reverie.methods.recipe import TrainOptions
from reverie.runs.run import Run
from reverie.testing.subject import (
    SPEC,
    Subject,
    evaluate_loss,
    generator,
    random_batch,
    random_images,
)
from reverie.training.train import train_recipe


def check_declarations(subject: Subject) -> None:
    """The class attributes are of the right kind, and name networks that exist."""
    kind, method = subject.kind, subject.build()
    assert kind.about, f"{kind.__name__}.about must describe the method in half a line."
    assert issubclass(kind.Options, MethodOptions), (
        f"{kind.__name__}.Options must be a dataclass that extends MethodOptions."
    )
    _check_options(kind)
    _check_meta(subject)
    for attribute in ("averaged", "frozen", "training_only"):
        for name in getattr(kind, attribute):
            assert hasattr(method, name), (
                f"{attribute} names {name!r}, but the method has no network of that name."
            )
    if kind.feature_network is not None:
        assert isinstance(getattr(method, kind.feature_network, None), nn.Module), (
            f"feature_network names {kind.feature_network!r}, which is no network of the method."
        )


def _check_options(kind: type[Method]) -> None:
    """What does not fit an option is refused."""
    try:
        kind.Options(learning_rate=float("nan"))
    except UserError:
        return
    raise AssertionError(
        f"{kind.__name__}.Options must refuse a learning rate that is no number: call "
        "super().__post_init__() where it has a __post_init__ of its own."
    )


def _check_meta(subject: Subject) -> None:
    """Loading compares a file with a network that has no memory yet."""
    try:
        without_memory(lambda: subject.kind(subject.recipe.options, SPEC))
    except UserError as error:
        raise AssertionError(
            f"{subject.kind.__name__} must also be built under torch.device('meta'), and it says: "
            f"{error} Make tensors whose values the constructor needs with device='cpu'."
        ) from error


def check_presets(subject: Subject) -> None:
    """Every preset has the method's options and is the same after it was written as JSON."""
    name, kind = subject.recipe.method, subject.kind
    for preset in (None, *kind.presets):
        recipe = recipe_for(name, preset)
        assert type(recipe.options) is kind.Options, (
            f"the options of preset {preset!r} must be of the class {kind.Options.__name__}."
        )
        written = json.dumps(recipe.to_json())
        assert recipe_from_json(json.loads(written)) == recipe, (
            f"the options of preset {preset!r} must be the same after a round trip through JSON."
        )


def check_flags(subject: Subject) -> None:
    """The options can be flags of the command line, and no name is another option's."""
    kind = type(subject.recipe.options)
    parsed = tyro.cli(tyro.conf.OmitArgPrefixes[kind], args=[], default=subject.recipe.options)
    assert parsed == subject.recipe.options, (
        f"{kind.__name__} must be a dataclass that the command line can make from its flags."
    )
    own = {field.name for field in dataclasses.fields(kind)}
    for shared in (DataOptions, TrainOptions):
        twice = own & {field.name for field in dataclasses.fields(shared)}
        assert not twice, f"{kind.__name__} must not have {twice}: {shared.__name__} has it."


def check_losses(subject: Subject) -> None:
    """Every loss is a finite number, for grayscale and RGB images of several sizes."""
    for method in subject.build_each():
        where = f"{method.spec.size}, {method.spec.channels} channels"
        for phase in method.phases():
            loss, parts = evaluate_loss(phase, random_batch(method.spec, 4))
            assert loss.ndim == 0, f"the loss of phase {phase.name!r} must be a scalar."
            for name, value in {phase.name: loss, **parts}.items():
                assert torch.isfinite(value).all(), (
                    f"the loss {name!r} must be finite, and is not for images of {where}."
                )


def check_previews(subject: Subject) -> None:
    """Previews are finite images of the dataset's channels and size."""
    for method in subject.build_each():
        spec, latents = method.spec, None
        if isinstance(method, Samples):
            latents = torch.randn(4, *method.latent_shape, generator=generator(1))
        labels = cycle_labels(4, spec.classes) if method.conditional else None
        with torch.no_grad():
            previews = method.eval().previews(latents, labels, random_batch(spec, 4))
        expected = (spec.channels, spec.height, spec.width)
        for name, shown in previews.items():
            assert isinstance(shown, Preview), f"the preview {name!r} must be a Preview."
            images = shown.images
            assert images.ndim == 4, f"the preview {name!r} must be images [B, C, H, W]."
            assert images.shape[1:] == expected, (
                f"the images of the preview {name!r} must be {expected}, not "
                f"{tuple(images.shape[1:])}."
            )
            assert torch.isfinite(images).all(), f"the preview {name!r} must be finite."


def check_resuming(subject: Subject) -> None:
    """A training that was resumed ends in the same bits as one that was not interrupted."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        paired = subject.kind.data_kind in ("paired", "unpaired")
        recipe = replace(subject.recipe, data=write_dataset(place, paired), training=TWO_STEPS)
        whole, parts = Run(place / "whole"), Run(place / "parts")
        train_recipe(recipe, whole)
        train_recipe(recipe.with_options(steps=1), parts)
        train_recipe(recipe, parts, resume=True)
        one, other = whole.newest_checkpoint(), parts.newest_checkpoint()
    assert one is not None, "a training must end with a checkpoint."
    assert other is not None, "a resumed training must end with a checkpoint."
    assert one.step == other.step == 2, "two steps must be trained."
    for name, tensor in one.tensors.items():
        assert torch.equal(tensor, other.tensors[name]), (
            f"{name} must be the same after an interruption: a step may depend on weights, "
            "buffers, the batch and its Rng alone."
        )


TWO_STEPS = TrainOptions(
    steps=2, batch_size=4, device="cpu", precision="fp32", checkpoint_every=1, keep_checkpoints=1
)


def write_dataset(folder: Path, domain_b: bool) -> DataOptions:
    """Write eight images in two classes to `folder`, and as many of domain B, of equal names."""
    for side, seed in (("a", 0), ("b", 1)):
        for index, image in enumerate(random_images(8, SPEC, seed)):
            place = folder / side / f"class-{index % 2}"
            place.mkdir(parents=True, exist_ok=True)
            image_io.save(image, place / f"{index}.png")
    return DataOptions(
        data=str(folder / "a"),
        data_b=str(folder / "b") if domain_b else None,
        image_size=SPEC.image_size,
        cache=False,
    )
