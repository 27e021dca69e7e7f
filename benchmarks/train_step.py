"""A training step of each method: ours beside the textbook's, by time, FLOPs and peak memory.

    python benchmarks/train_step.py [--rounds 5] [--no-memory] [--quick] [--out FILE] [CASE ...]

All forms of a case take turns: the textbook's step in fp32, with autocast, in channels-last memory
with fused Adam, and with both; ours in fp32, by default (bf16 where the processor has it), and with
gradient checkpointing where there is something to checkpoint. They have the same networks, so as
many parameters, and FLOPs as printed; `diffusion` has the textbook's network a second time without
our fold of 2×2 pixels, which has as many parameters, but not as few FLOPs. Images are random, and
nothing is read or written. Ours has its EMA where the preset has one. Peak memory is that of a
process of its own, with its imports, which take about 300 MB.
"""

import argparse
import dataclasses
import functools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from measuring import (
    Arithmetic,
    Form,
    Row,
    add_arguments,
    child,
    comparison,
    measured_peaks,
    memory_kept,
    own_figures,
    parameter_count,
    peak_memory_of,
    print_rows,
    take_turns,
)
from textbooks import STYLES, TEXTBOOKS, diffusion

from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import Recipe
from reverie.runs.model_folder import build_method
from reverie.runs.run import Run
from reverie.training.loop import update
from reverie.training.setup import make_accelerator
from reverie.training.state import TrainState

DIGITS = tuple("0123456789")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A training: a method with its options, and the images."""

    method: str
    preset: str | None = None
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)
    side: int
    channels: int = 3
    steps: int = 1
    """In one measured run."""

    @property
    def recipe(self) -> Recipe:
        return recipe_for(self.method, self.preset).with_options(**self.changes)

    @property
    def spec(self) -> ImageSpec:
        return ImageSpec(self.channels, self.side, DIGITS if self.channels == 1 else ())

    def batch(self) -> Batch:
        """Random images in [-1, 1]."""
        random = torch.Generator().manual_seed(0)
        count = self.recipe.training.batch_size
        shape = (count, self.channels, self.side, self.side)
        a, b = (torch.rand(shape, generator=random) * 2 - 1 for _ in "ab")
        labels = torch.arange(count) % 10 if self.channels == 1 else None
        return Batch(a, labels, domain_b=b)


_digits = functools.partial(Case, channels=1, side=28)
_plain_vae = {"prior_layers": 0, "hidden": (400,)}

CASES: dict[str, Case] = {
    "vae 28": _digits(method="vae", preset="digits-20", changes=_plain_vae, steps=100),
    "vae convolutional 64": _digits(method="vae", side=64, changes={"image_size": 64}, steps=5),
    "gan 28": _digits(method="gan", preset="digits-64", steps=30),
    "dcgan paper 28": _digits(method="dcgan", preset="paper", steps=3),
    "dcgan paper 64": _digits(method="dcgan", preset="paper", side=64, changes={"batch_size": 64}),
    "dcgan modern 28": _digits(method="dcgan", preset="digits", steps=8),
    "cgan paper 28": _digits(method="cgan", preset="paper", steps=3),
    "cgan modern 28": _digits(method="cgan", preset="digits", steps=8),
    "cyclegan 128": Case(method="cyclegan", preset="paper", side=128),
    "cyclegan 256": Case(method="cyclegan", preset="paper", side=256),
    "pix2pix 256": Case(method="pix2pix", preset="paper", side=256, changes={"dropout": False}),
    "cut 128": Case(method="cut", preset="paper", side=128),
    "cut 256": Case(method="cut", preset="paper", side=256),
    "diffusion 32": Case(method="diffusion", side=32, changes={"conditional": False}),
    "diffusion 64": Case(method="diffusion", side=64, changes={"conditional": False}),
    "srresnet 96": Case(
        method="srresnet", preset="paper", side=96, changes={"network": "srresnet"}
    ),
    "srgan 96": Case(method="srgan", preset="paper", side=96, changes={"network": "srresnet"}),
    "esrgan 128": Case(method="esrgan", preset="paper", side=128, changes={"batch_size": 2}),
}
QUICK = ("dcgan paper 28", "cyclegan 128", "pix2pix 256", "diffusion 32")
CHECKPOINTED = ("cyclegan", "cut", "diffusion", "srresnet", "srgan", "esrgan")
"""Methods whose networks have blocks to checkpoint in these cases."""
EQUAL_PARAMETERS = "textbook, not folded"


def our_step(case: Case, **training: Any) -> tuple[Callable[[], None], TrainState]:
    """The updates of the training loop."""
    recipe = case.recipe.with_options(device="cpu", **training)
    with tempfile.TemporaryDirectory() as folder:
        accelerator = make_accelerator(recipe.training, Run(Path(folder)))
    state = TrainState(build_method(recipe, case.spec), recipe.training, accelerator)
    state.dropout.manual_seed(0)
    batch = case.batch().to(torch.device("cpu"))
    numbers = iter(range(10**9))

    def step() -> None:
        number = next(numbers)
        for order, phase in enumerate(state.phases):
            if number % phase.every == 0:
                rng = Rng(torch.Generator().manual_seed(10 * number + order), number)
                update(state, phase, [batch], [rng], recipe.options.learning_rate)
        state.average(number)

    return step, state


def _our_form(case: Case, **training: Any) -> Form:
    step, state = our_step(case, **training)
    low = state.accelerator.native_amp
    parameters = parameter_count(*(n for networks in state.parameters for n in networks))

    def counted() -> None:
        chosen = state.forms.chosen if state.forms else {}
        if state.forms:  # measured forms have fewer FLOPs, and the work is the same
            state.forms.resume(None)
        step()
        if state.forms:
            state.forms.resume(chosen)

    arithmetic: Arithmetic = "bf16" if low else "fp32"
    return Form(run=step, arithmetic=arithmetic, parameters=parameters, counted=counted)


def _textbook_form(case: Case, name: str) -> Form:
    torch.manual_seed(0)
    style = STYLES["textbook" if name == EQUAL_PARAMETERS else name]
    build = TEXTBOOKS[case.method]
    if name == EQUAL_PARAMETERS:
        build = functools.partial(diffusion, patch=1)
    batch = case.batch()
    if style.channels_last:
        batch = batch.to(torch.device("cpu"))
    step = build(case.recipe, case.spec, batch, style).in_style(style)
    arithmetic: Arithmetic = "bf16" if style.autocast else "fp32"
    return Form(run=step.run, arithmetic=arithmetic, parameters=parameter_count(*step.networks))


def forms_of(case: Case) -> dict[str, Callable[[], Form]]:
    """What builds each form of a case."""
    forms = {name: functools.partial(_textbook_form, case, name) for name in STYLES}
    if case.method == "diffusion":
        forms[EQUAL_PARAMETERS] = functools.partial(_textbook_form, case, EQUAL_PARAMETERS)
    forms["ours, fp32"] = functools.partial(_our_form, case, precision="fp32")
    forms["ours"] = functools.partial(_our_form, case)
    if case.method in CHECKPOINTED:
        forms["ours, checkpointing"] = functools.partial(
            _our_form, case, gradient_checkpointing=True
        )
    return forms


def in_own_process(name: str, form: str, **words: Any) -> Row:
    """Figures of a process that takes two steps of one form, as a training would."""
    options = [word for key, value in words.items() for word in (f"--{key}", value)]
    return child(__file__, name, "--alone", form, *options)


def measure(name: str, rounds: int, peaks: Mapping[str, float], memory: bool = True) -> Row:
    """All forms of a case, in turns."""
    case = CASES[name]
    forms = {form: build() for form, build in forms_of(case).items()}

    def repeated(form: Form) -> Callable[[], None]:
        def run() -> None:
            for _ in range(case.steps):
                form.run()

        return run

    with memory_kept(True):
        times = take_turns({n: repeated(form) for n, form in forms.items()}, rounds)
    words = {form: (name, "--alone", form) for form in forms} if memory else {}
    own = peak_memory_of(__file__, words)
    row = comparison(
        "train", name, forms, "textbook", times, peaks=peaks, memory=own, repeats=case.steps
    )
    return row | {"batch_size": case.recipe.training.batch_size, "size": case.side}


def rows(
    names: Sequence[str],
    rounds: int,
    peaks: Mapping[str, float],
    *,
    memory: bool = True,
    quick: bool = False,
) -> Iterator[Row]:
    """A row for each case."""
    for name in names or (QUICK if quick else CASES):
        yield measure(name, rounds, peaks, memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], metavar="CASE")
    parser.add_argument("--no-memory", dest="memory", action="store_false")
    parser.add_argument("--alone", metavar="FORM", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.alone:
        case = CASES[arguments.cases[0]]
        if arguments.size:
            case = dataclasses.replace(case, side=arguments.size)
        if arguments.batch:
            changes = case.changes | {"batch_size": arguments.batch}
            case = dataclasses.replace(case, changes=changes)
        with memory_kept(arguments.alone.startswith("ours")):
            form = forms_of(case)[arguments.alone]()
            print(json.dumps(own_figures(form.run, arguments.steps)))
        return
    peaks = measured_peaks()
    how = {"memory": arguments.memory, "quick": arguments.quick}
    print_rows(rows(arguments.cases, arguments.rounds, peaks, **how), peaks, arguments.out)


if __name__ == "__main__":
    main()
