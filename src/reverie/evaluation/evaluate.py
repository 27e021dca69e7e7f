"""Evaluate a model or a folder of images by what it can do."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.failures import Failures
from reverie.core.files import path_of, write_atomic
from reverie.core.image_formats import SUFFIXES
from reverie.core.memory import freed_memory_kept
from reverie.core.options import options_of
from reverie.core.outputs import refuse_replacing
from reverie.core.processes import is_main_process
from reverie.core.result import FAILED_IN_PART, Json, Result, lines_of
from reverie.data import DataOptions
from reverie.evaluation.against import evaluate_against, evaluate_folder_against
from reverie.evaluation.reference import read_reference
from reverie.evaluation.samples import evaluate_folders, evaluate_model, evaluate_paired
from reverie.evaluation.superres import evaluate_upscaler
from reverie.evaluation.translation import evaluate_translator
from reverie.inference.load import is_image_set, load
from reverie.inference.model import Model
from reverie.inference.options import DenoisingOptions, EvaluateOptions
from reverie.inference.place import (
    refuse_no_figures_file,
    refuse_no_statistics_file,
    refuse_runs_alone,
)
from reverie.methods import Samples, Translates, Upscales
from reverie.methods.capabilities import require
from reverie.runs.run import Run

Evaluator = Callable[[Model, DataOptions, EvaluateOptions, Failures], dict[str, float]]


@dataclass(frozen=True)
class EvaluateResult(Result, Mapping[str, float]):
    """Figures by name; each name carries the features, the number of images and the split."""

    figures: dict[str, float]
    failed: dict[str, str] = field(default_factory=dict)
    """What is wrong with the image files that were left out."""

    def __getitem__(self, name: str) -> float:
        return self.figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    def to_json(self) -> dict[str, Json]:
        return dict(self.figures)

    @property
    def exit_code(self) -> int:
        return FAILED_IN_PART if self.failed else 0

    def summary(self) -> str:
        return lines_of(self.to_json())


def evaluate(
    model: str | Path | Model, options: EvaluateOptions, out: Path | None = None
) -> EvaluateResult:
    """Evaluate a model, a set of images, or pairs of images in two folders.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    refuse_no_figures_file(out)
    if not isinstance(model, Model):
        refuse_runs_alone(str(model))
        run = Run(Path(model))
        own = [run.options_file, run.report, run.folder / "config.json", run.model / "config.json"]
        written = [file for file in (out, options.report, options.save_stats) if file]
        refuse_replacing(written, own)
    options.refuse_contradictions()
    if options.against is None and options.save_stats is not None:
        refuse_no_statistics_file(options.save_stats)
    failures = Failures()
    with freed_memory_kept():
        figures = _figures(model, options, failures)
    if is_main_process():
        failures.report()
        if out is not None:
            write_atomic(out, json.dumps(figures, indent=1) + "\n")
    return EvaluateResult(figures, failures.reasons)


def _figures(
    model: str | Path | Model, options: EvaluateOptions, failures: Failures
) -> dict[str, float]:
    o = options
    if o.pairs:
        return evaluate_paired(
            Path(str(model)),
            Path(str(o.data)),
            features=o.features,
            on_luma=o.luma,
            cut=o.border,
            failures=failures,
        )
    if o.luma or o.border:
        raise UserError("--luma and --border are for pairs: add --pairs.")
    if o.against is not None:
        return _against(model, o.against, o, failures)
    assert o.data is not None  # it would have been refused
    data = DataOptions(
        data=o.data,
        data_b=o.data_b,
        split=o.split,
        where=o.where,
        domain_a=o.domain_a,
        domain_b=o.domain_b,
        pair_by=o.pair_by,
    )
    if not isinstance(model, Model) and is_image_set(str(model)):
        _refuse_sampling(model, o)
        return evaluate_folders(
            DataOptions(data=str(model)),
            data,
            features=o.features,
            save_stats=o.save_stats,
            failures=failures,
        )
    loaded = model if isinstance(model, Model) else _loaded(str(model))
    for capability, evaluator in EVALUATORS.items():
        if isinstance(loaded.method, capability):
            if capability is not Samples and o.save_stats is not None:
                raise UserError("--save-stats is for models that sample, and for sets of images.")
            return evaluator(loaded, data, options, failures)
    require(loaded.method, Samples, loaded.name)
    raise AssertionError("a model that samples has an evaluator")


def _against(
    model: str | Path | Model, statistics: Path, o: EvaluateOptions, failures: Failures
) -> dict[str, float]:
    """Figures by the statistics of reference images."""
    reference = read_reference(statistics, o.features)
    if not isinstance(model, Model) and is_image_set(str(model)):
        _refuse_sampling(model, o)
        return evaluate_folder_against(DataOptions(data=str(model)), reference, failures=failures)
    loaded = model if isinstance(model, Model) else _loaded(str(model))
    sampling = options_of(DenoisingOptions, o)
    return evaluate_against(loaded, reference, count=o.count, seed=o.seed, sampling=sampling)


def _loaded(place: str) -> Model:
    """The model at `place`, which is none where it is an image file."""
    if Path(place).suffix.lower() in SUFFIXES and path_of(place).is_file():
        raise UserError(
            f"{place} is one image: evaluate takes a model, a folder of images, or an array of "
            "them, which `reverie sample` writes as .npz."
        )
    return load(place)


def _refuse_sampling(images: str | Path, o: EvaluateOptions) -> None:
    if o.report is not None or o.count is not None:
        raise UserError(f"{images} holds images: it takes no samples and no report.")


def _samples(
    model: Model, data: DataOptions, o: EvaluateOptions, failures: Failures
) -> dict[str, float]:
    return evaluate_model(
        model,
        data,
        count=o.count,
        features=o.features,
        seed=o.seed,
        report=o.report,
        save_stats=o.save_stats,
        sampling=options_of(DenoisingOptions, o),
        failures=failures,
    )


EVALUATORS: dict[type, Evaluator] = {
    Translates: lambda model, data, o, failures: evaluate_translator(
        model, data, features=o.features, failures=failures
    ),
    Upscales: lambda model, data, o, failures: evaluate_upscaler(
        model, data, features=o.features, failures=failures
    ),
    Samples: _samples,
}
"""How a model is evaluated, by the first of these capabilities that it has."""
