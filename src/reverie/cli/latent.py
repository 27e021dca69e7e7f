"""`reverie edit`, `reverie interpolate` and `reverie reconstruct`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from reverie.cli.output import Result
from reverie.core.errors import UserError


@dataclass(frozen=True, kw_only=True)
class EditCommand:
    """Edit in latent space: sums of named groups, or attributes added to a picture."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A vae, or a dcgan, gan or cgan for which an encoder was trained."""
    expression: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar='"SUM"')
    ] = ()
    """Groups added and subtracted: "Male & Eyeglasses - Male & !Eyeglasses + !Male". Names are
    joined by & | ! and parentheses, and may be weighted: 0.5 * Smiling."""
    image: Path | None = None
    """A picture to change, instead of a sum."""
    add: tuple[str, ...] = ()
    """With --image: NAME=STRENGTH; 1 adds an attribute, -1 takes it away; never further than
    pictures go."""
    sweep: tuple[str, ...] = ()
    """With --image: show these attributes at strengths from -1.5 to 1.5."""
    leave: tuple[str, ...] = ()
    """Attributes that must not change along with the others."""
    kind: Literal["means", "classifier"] = "means"
    """What a direction is: the difference of means, or a linear classifier's normal, which touches
    less else and is fainter."""
    data: str | None = None
    """The pictures and their attributes; by default those that the run was trained on."""
    exemplars: int = 64
    """How many stand for a group: 3 in the DCGAN paper, after which half of the sums come out as
    they should, and with 64 nearly all; 0 takes all."""
    seed: int = 0
    """Decides who stands for a group, and the noise around the result."""
    noise: float = 0.2
    """How far the eight around the result are from it."""
    norm: Literal["prior", "keep"] = "prior"
    """Rescale the sum to the norm that latents have, or keep its own."""
    refine: int = 100
    """With --image: gradient steps that bring the latent nearer to the picture."""
    out: Path = Path("edited.png")
    """The sheet to write."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class InterpolateCommand:
    """Walk from picture to picture through latent space."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """Anything that makes pictures from noise."""
    seeds: tuple[int, ...] = ()
    """The numbers of the pictures on the way."""
    images: tuple[Path, ...] = ()
    """Or picture files, where the model finds latents."""
    frames: int = 60
    """How many pictures in all."""
    loop: bool = False
    """Come back to the first."""
    straight: bool = False
    """Lines instead of arcs, which leave the sphere on which latents lie."""
    label: str | None = None
    """The class to show, where the model knows classes."""
    steps: int | None = None
    """Diffusion: how many noise levels."""
    sampler: str | None = None
    """Diffusion: ddim, euler, heun or dpmpp-2m; those without noise of their own walk smoothly."""
    plane: bool = False
    """Show the whole plane of a model with two latents."""
    rate: float = 20.0
    """Frames a second."""
    out: Path = Path("walk.gif")
    """A .gif, a folder of frames, or a picture of all of them."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class ReconstructCommand:
    """Find the latents of pictures and show what comes of them, with the error."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A vae, or a dcgan or gan for which an encoder was trained."""
    images: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PICTURES")]
    """Files and folders."""
    refine: int = 0
    """Gradient steps that bring each latent nearer to its picture."""
    out: Path = Path("side-by-side.png")
    """The sheet to write."""
    json: bool = False
    """Print the result as one JSON object."""


def edit(command: EditCommand) -> Result:
    from reverie import api

    if command.image is None:
        if command.add or command.sweep:
            raise UserError("--add and --sweep change a picture: name it with --image.")
        if len(command.expression) != 1:
            raise UserError('give one sum in quotes, as "Male & Eyeglasses - Male + !Male".')
        facts = api.edit(
            command.model,
            command.expression[0],
            out=command.out,
            data=command.data,
            exemplars=command.exemplars,
            seed=command.seed,
            noise=command.noise,
            rescale=command.norm == "prior",
        )
        members = ", ".join(f"{text}: {count:,}" for text, count in facts["members"].items())
        return facts, f"{facts['file']} ({members})"
    if command.expression:
        raise UserError("give a sum, or --image with --add: not both.")
    facts = api.edit(
        command.model,
        image=command.image,
        add=_strengths(command.add),
        sweep=command.sweep,
        leave=command.leave,
        kind=command.kind,
        data=command.data,
        refine=command.refine,
        out=command.out,
    )
    return facts, f"{facts['file']}: reconstructed with an error of {facts['error']:.3f}"


def _strengths(words: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            found[name] = float(value or 1.0)
        except ValueError:
            raise UserError(f"{word!r}: a strength is a number, as in Smiling=1.0.") from None
    return found


def interpolate(command: InterpolateCommand) -> Result:
    from reverie import api

    sampling = {n: getattr(command, n) for n in ("steps", "sampler")}
    facts = api.interpolate(
        command.model,
        out=command.out,
        seeds=command.seeds,
        images=command.images,
        frames=command.frames,
        loop=command.loop,
        straight=command.straight,
        label=command.label,
        plane=command.plane,
        rate=command.rate,
        **{name: value for name, value in sampling.items() if value is not None},
    )
    return facts, facts["file"]


def reconstruct(command: ReconstructCommand) -> Result:
    from reverie import api

    facts = api.reconstruct(command.model, command.images, out=command.out, refine=command.refine)
    error = facts["mean_absolute_error"]
    return facts, f"{facts['file']}: mean absolute error {error:.3f} of 2"
