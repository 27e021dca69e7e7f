"""What is known of a run or a model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reverie.core.files import path_of
from reverie.core.result import Json, Result, lines_of, plain
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.methods.capabilities import describe_capabilities
from reverie.methods.onnx import OnnxDiffusion, OnnxMethod
from reverie.runs.run import Run, best_evaluation

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
    """What is known of a run or a model."""
    return InfoResult(_facts(place))


def _facts(place: str | Path) -> dict[str, Json]:
    path = path_of(place)
    model = load(place) if not (Run(path).exists() and not Run(path).model.exists()) else None
    facts: dict[str, Json] = {"place": str(place)}
    if model is not None:
        spec = model.method.spec
        facts |= {
            "method": model.method_name,
            "about": model.method.about,
            "can": describe_capabilities(model.method),
            "image_size": spec.image_size,
            "channels": spec.channels,
            "classes": list(model.class_names),
        }
        facts |= _of_onnx(model) or {
            "parameters": {
                name: count
                for name, network in model.method.named_children()
                if (count := sum(p.numel() for p in network.parameters()))
            },
        }
    if Run(path).exists():
        run = Run(path)
        log = run.read_log()
        begun = run.facts()
        facts |= {
            "data": run.recipe().data.data,
            "pictures": begun["picture_count"],
            "began": begun["began"],
            "machine": begun["machine"],
            "versions": begun["versions"],
            "commit": begun.get("commit"),
            "options": plain(run.recipe().flat()),
        }
        if log:
            facts |= {k: log[-1][k] for k in ("step", "seconds", "images_seen", "losses")}
        if run.read_evaluations():
            best = best_evaluation(run)
            facts["best"] = {"model": str(run.best), "step": best["step"]} | best["figures"]
    return facts


def _of_onnx(model: Model) -> dict[str, Json]:
    """What is known of a model in an ONNX file beyond the others' facts; empty for others."""
    method = model.method
    if not isinstance(method, OnnxMethod | OnnxDiffusion):
        return {}
    known = method.file.facts
    shown: dict[str, Json] = (
        {} if known is None else {name: known.get(name) for name in SHOWN_OF_ONNX}
    )
    inputs = {one.name: plain(one.shape) for one in method.file.session.get_inputs()}
    return shown | {"inputs": inputs}
