"""The commands that make pictures of pictures: translate, upscale, dream, edit and their kin."""

from dataclasses import fields
from typing import Any

from reverie.commands import (
    DreamCommand,
    EditCommand,
    InterpolateCommand,
    ReconstructCommand,
    TranslateCommand,
    UpscaleCommand,
)
from reverie.errors import UserError
from reverie.train_command import Result


class Interrupted(KeyboardInterrupt):
    """Someone stopped a command, which says what is done."""


def lines_of(facts: dict[str, Any], indent: str = "") -> str:
    """Facts as a person reads them, nested ones indented."""
    width = max((len(str(key)) for key in facts), default=0)
    lines = []
    for key, value in facts.items():
        if isinstance(value, dict):
            lines.append(f"{indent}{key}" + (":" if value else ": none"))
            lines += [lines_of(value, indent + "  ")] if value else []
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else value
            lines.append(f"{indent}{key!s:<{width}}  {shown}")
    return "\n".join(lines)


def translate(command: TranslateCommand) -> Result:
    import torch

    from reverie import api

    torch.manual_seed(command.seed)
    done = api.translate(
        api.load(command.model, command.reference),
        command.pictures,
        out=command.out,
        direction=command.direction,
        dropout=command.dropout == "on",
        own_statistics=command.statistics == "picture",
        tile=command.tile,
    )
    facts = {
        "count": len(done.files),
        "failed": done.failed,
        "page": str(done.page),
        "sheet": str(done.sheet),
        "files": [str(file) for file in done.files],
    }
    left_out = f", {len(done.failed)} left out" if done.failed else ""
    return facts, f"{len(done.files)} pictures{left_out}: {done.page}"


def upscale(command: UpscaleCommand) -> Result:
    from reverie import api

    model, pictures = api.model_before(command.pictures)
    done = api.upscale(
        pictures,
        out=command.out,
        model=model,
        scale=command.scale,
        tile=command.tile,
        precision=command.precision,
        existing=command.existing,
        format=command.format,
    )
    if done.stopped:
        raise Interrupted(f"stopped; {len(done.files)} pictures are done: {command.out}")
    facts = {
        "count": len(done.files),
        "skipped": [str(file) for file in done.skipped],
        "failed": done.failed,
        "files": [str(file) for file in done.files],
    }
    left_out = f", {len(done.failed)} left out" if done.failed else ""
    return facts, f"{len(done.files)} pictures{left_out}: {command.out}"


def dream(command: DreamCommand) -> Result:
    from reverie import api
    from reverie.backbones import layers_of

    if command.list_layers:
        found = layers_of(api.backbone_for(command.backbone, command.weights))
        facts = {one.name: f"{one.channels} × {one.side}²  {one.brings_out}" for one in found}
        return facts, lines_of(facts)
    if len(command.picture) != 1:
        raise UserError("name one picture to dream of.")
    own = {field.name: getattr(command, field.name) for field in fields(DreamCommand)}
    usual = {field.name: field.default for field in fields(DreamCommand)}
    given = {name: value for name, value in own.items() if value != usual[name]}
    for name in ("picture", "out", "json"):
        given.pop(name, None)
    made = api.dream(command.picture[0], out=command.out, **given)
    rises = ", ".join(f"{a:.3g} to {b:.3g}" for a, b in made.get("octaves", []))
    return made, f"{made['file']}" + (f": the objective rose from {rises}" if rises else "")


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
        pictures=command.images,
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

    facts = api.reconstruct(command.model, command.pictures, out=command.out, refine=command.refine)
    error = facts["mean_absolute_error"]
    return facts, f"{facts['file']}: mean absolute error {error:.3f} of 2"
