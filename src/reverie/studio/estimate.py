"""How long a training would take here: some of its steps are trained in a folder that goes again.

    python -m reverie.studio.estimate METHOD --out RUN ... --json

The words are those of `reverie train`.
"""

import json
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.progress import readable_duration
from reverie.core.result import Json
from reverie.methods.recipe import DEFAULT_STEPS, LENGTHS, Recipe
from reverie.training.train import train

MEASURED_MINUTES = 0.12
"""Training time that is measured, beside that of the first step."""
KIBIBYTE = 1024 if sys.platform != "darwin" else 1
"""The unit of the memory that the system reports."""


def estimate(recipe: Recipe, preset: str | None, changes: dict[str, Json]) -> dict[str, Json]:
    """Seconds, steps, images a second and memory of a training.

    Args:
        recipe: the whole training.
        preset: what it starts from.
        changes: the options that differ from the preset's.
    """
    few = changes | dict.fromkeys(LENGTHS) | {"minutes": MEASURED_MINUTES}
    few |= {"log_every": 1, "sample_every": 10**9, "checkpoint_every": 10**9, "evaluate_every": 0}
    with tempfile.TemporaryDirectory() as folder:
        train(recipe.method, Path(folder) / "run", preset=preset, changes=few)
        lines = (Path(folder) / "run" / "log.jsonl").read_text().splitlines()
        count = json.loads((Path(folder) / "run" / "options.json").read_text())["picture_count"]
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    made = last["step"] - first["step"]
    per_step = (last["seconds"] - first["seconds"]) / made if made else last["seconds"]
    options = recipe.training
    images = options.batch_size * options.accumulate
    if options.minutes is not None:
        steps = round(60 * options.minutes / per_step)
    elif options.epochs is not None:
        steps = round(options.epochs * count / images)
    else:
        steps = DEFAULT_STEPS if options.steps is None else options.steps
    seconds = per_step * steps
    return {
        "seconds": seconds,
        "steps": steps,
        "images": count,
        "images_per_second": images / per_step,
        "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE,
        "words": f"about {readable_duration(seconds)} here",
    }


def main(argv: Sequence[str]) -> int:
    """Estimate what the words of `reverie train` would train; prints one JSON object."""
    request = json.loads(argv[0])
    try:
        from reverie.methods.presets import recipe_for

        preset, changes = request["preset"], request["changes"]
        recipe = recipe_for(request["method"], preset).with_options(**changes)
        print(json.dumps(estimate(recipe, preset, changes)))
    except UserError as error:
        print(json.dumps({"error": str(error)}))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
