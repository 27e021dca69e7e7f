"""What is known of a run or a model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reverie.core.files import path_of
from reverie.core.result import Json, Result, lines_of, plain
from reverie.inference.place import BUILT_IN_MODELS, model_folder_of
from reverie.methods.abilities import described
from reverie.runs.model_description import ModelDescription
from reverie.runs.place import is_model_file
from reverie.runs.run import Run, best_evaluation

if TYPE_CHECKING:
    from reverie.inference.model import Model

SHOWN_OF_ONNX = ("part", "model", "value_range", "multiple", "scale", "license")
"""Facts of our own ONNX files that `info` shows."""


@dataclass(frozen=True)
class InfoResult(Result, Mapping[str, Json]):
    """What is known of a run or a model."""

    facts: dict[str, Json]

    def __getitem__(self, name: str) -> Json:
        return self.facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)

    def to_json(self) -> dict[str, Json]:
        return self.facts

    def summary(self) -> str:
        return lines_of(self.facts)


def info(place: str | Path) -> InfoResult:
    """What is known of a run or a model, by what its files say; weights are read where files say
    too little, as those of others.

    Raises:
        UserError: if there is no usable model.
    """
    path = path_of(place)
    facts: dict[str, Json] = {"place": str(place)}
    if not Run(path).exists() or Run(path).model.exists():
        facts |= _of_files(place) or _of_loaded(place)
    return InfoResult(facts | (_of_run(Run(path)) if Run(path).exists() else {}))


def _of_files(place: str | Path) -> dict[str, Json]:
    """What is known of a model of reverie's own; empty for others."""
    path = path_of(place)
    folder = path if is_model_file(path) else None
    if path.is_dir() or str(place) in BUILT_IN_MODELS:
        folder = model_folder_of(str(place))
    model = None if folder is None else ModelDescription.of(folder)
    if model is None:
        return {}
    return {
        "method": model.method,
        "about": model.about,
        "can": described(model.verbs),
        "image_size": plain(model.spec.image_size),
        "channels": model.spec.channels,
        "classes": list(model.spec.class_names),
        "parameters": {name: count for name, count in model.parameters.items() if count},
    }


def _of_loaded(place: str | Path) -> dict[str, Json]:
    """What is known of a model that has to be loaded for it."""
    from reverie.inference.load import load
    from reverie.methods.capabilities import describe_capabilities

    model = load(place)
    spec = model.method.spec
    return {
        "method": model.method_name,
        "about": model.method.about,
        "can": describe_capabilities(model.method),
        "image_size": plain(spec.image_size),
        "channels": spec.channels,
        "classes": list(model.class_names),
        **(_of_onnx(model) or {"parameters": _parameters(model)}),
    }


def _parameters(model: "Model") -> dict[str, Json]:
    """How many parameters each network has."""
    counts = {
        name: sum(parameter.numel() for parameter in network.parameters())
        for name, network in model.method.named_children()
    }
    return {name: count for name, count in counts.items() if count}


def _of_run(run: Run) -> dict[str, Json]:
    """What is known of a training."""
    recipe, begun, log = run.described_recipe(), run.facts(), run.read_log()
    facts: dict[str, Json] = {
        "data": recipe.data.data,
        "pictures": begun["picture_count"],
        "began": begun["began"],
        "machine": begun["machine"],
        "versions": begun["versions"],
        "commit": begun.get("commit"),
        "options": plain(recipe.flat()),
    }
    if log:
        facts |= {name: log[-1][name] for name in ("step", "seconds", "images_seen", "losses")}
    if run.read_evaluations():
        best = best_evaluation(run)
        facts["best"] = {"model": str(run.best), "step": best["step"]} | best["figures"]
    return facts


def _of_onnx(model: "Model") -> dict[str, Json]:
    """What is known of a model in an ONNX file beyond the others' facts; empty for others."""
    from reverie.methods.onnx import OnnxDiffusion, OnnxMethod

    method = model.method
    if not isinstance(method, OnnxMethod | OnnxDiffusion):
        return {}
    known = method.file.facts
    shown: dict[str, Json] = (
        {} if known is None else {name: known.get(name) for name in SHOWN_OF_ONNX}
    )
    inputs = {one.name: plain(one.shape) for one in method.file.session.get_inputs()}
    return shown | {"inputs": inputs}
