"""What is known of a run or a model."""

from pathlib import Path
from typing import Any

from reverie.inference.load import load
from reverie.inference.model import describe_capabilities
from reverie.runs.run import Run, best_evaluation


def info(place: str | Path) -> dict[str, Any]:
    """What is known of a run or a model."""
    path = Path(place).expanduser()
    model = load(place) if not (Run(path).exists() and not Run(path).model.exists()) else None
    facts: dict[str, Any] = {"place": str(place)}
    if model is not None:
        spec = model.method.spec
        facts |= {
            "method": model.method_name,
            "about": model.method.about,
            "can": describe_capabilities(model.method),
            "image_size": spec.image_size,
            "channels": spec.channels,
            "classes": list(model.class_names),
            "parameters": {
                name: sum(p.numel() for p in network.parameters())
                for name, network in model.method.named_children()
            },
        }
    if Run(path).exists():
        run = Run(path)
        log = run.read_log()
        begun = run.facts()
        facts |= {
            "data": begun["data"]["data"],
            "pictures": begun["picture_count"],
            "began": begun["began"],
            "machine": begun["machine"],
            "versions": begun["versions"],
            "commit": begun.get("commit"),
            "options": run.recipe().flat(),
        }
        if log:
            facts |= {k: log[-1][k] for k in ("step", "seconds", "images_seen", "losses")}
        if run.read_evaluations():
            best = best_evaluation(run)
            facts["best"] = {"model": str(run.best), "step": best["step"]} | best["figures"]
    return facts
