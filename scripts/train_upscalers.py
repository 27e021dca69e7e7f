"""Train an upscaler that comes with the package, and print its figures.

    reverie data get photos
    python scripts/train_upscalers.py photos-x4 [--run runs/x4] [--steps 9000]

Others are photos-x2, photos-x4-large, and photos-x4-gan, which begins with the run of
photos-x4-large: `--init RUN`. An existing run is resumed until its steps are done. The weights are
stored and evaluated in half precision; the test images are scikit-image's astronaut, coffee,
chelsea and rocket.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import skimage.data
from PIL import Image

import reverie
from reverie.core.files import write_atomic
from reverie.data.sources import find_source
from reverie.methods.superres.pretrained import PretrainedUpscaler
from reverie.runs.model_card import model_card
from reverie.runs.model_folder import save_model
from reverie.runs.run import Run

PRETRAINED = Path(reverie.__file__).parent / "inference" / "pretrained"
TESTED_ON = ("astronaut", "coffee", "chelsea", "rocket")


@dataclass(frozen=True, kw_only=True)
class Upscaler:
    """How an upscaler of the package is trained."""

    method: str = "srresnet"
    preset: str
    smallest_side: int = 0
    """Photographs whose shorter side has fewer pixels are left out."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Options that differ from the preset's."""


UPSCALERS = {
    "photos-x2": Upscaler(
        preset="photos-small",
        smallest_side=500,
        changes={
            "scale": 2,
            "image_size": 64,
            "rotate": True,
            "crop_candidates": 2,
            "steps": 11_000,
        },
    ),
    "photos-x4": Upscaler(preset="photos-small"),
    "photos-x4-gan": Upscaler(method="srgan", preset="photos-large", smallest_side=500),
    "photos-x4-large": Upscaler(preset="photos-large", smallest_side=500),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("name", choices=UPSCALERS)
    parser.add_argument("--steps", type=int, default=None, help="by default the preset's")
    parser.add_argument("--init", default=None, help="the run of photos-x4-large")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, default=None, help="keep the run in this folder")
    parser.add_argument("--out", type=Path, default=None, help="by default the package")
    arguments = parser.parse_args()
    recipe, out = UPSCALERS[arguments.name], arguments.out or PRETRAINED / arguments.name
    with tempfile.TemporaryDirectory() as folder:
        run = Run(arguments.run or Path(folder) / arguments.name)
        if recipe.method == "srgan" and not (arguments.init or run.exists()):
            parser.error("it begins with the run of photos-x4-large: name that with --init.")
        given = {"steps": arguments.steps, "init": arguments.init}
        given = {name: value for name, value in given.items() if value is not None}
        data = str(photographs(Path(folder), recipe.smallest_side))
        if run.exists():
            trained = reverie.train(out=run.folder, resume=True, data=data, **given)
        else:
            trained = reverie.train(
                recipe.method,
                preset=recipe.preset,
                data=data,
                out=run.folder,
                seed=arguments.seed,
                **{**recipe.changes, **given},
            )
        name, method = recipe.method, cast(Any, trained.load().method)
        if name == "srgan":  # nobody needs its discriminator
            name, method = "upscaler", PretrainedUpscaler.of(method.generator)
        card = model_card(run.recipe(), run).replace("path/to/this/folder", arguments.name)
        card = card.replace(f"({data}", "(photos").replace(
            f"# {run.folder.resolve().name}", f"# {arguments.name}", 1
        )
        save_model(out, name, method.half(), card)
        tests = Path(folder) / "tests"
        tests.mkdir()
        for test in TESTED_ON:
            Image.fromarray(getattr(skimage.data, test)()).save(tests / f"{test}.png")
        figures = reverie.evaluate(out, data=str(tests)).figures
    size = sum(file.stat().st_size for file in out.iterdir())
    print(json.dumps({"steps": trained.steps, "bytes": size} | figures, indent=1))


def photographs(folder: Path, smallest_side: int) -> Path | str:
    """The set `photos`, or a table of those of its photographs that are large enough."""
    if not smallest_side:
        return "photos"
    files = find_source("photos").files
    large = [file.absolute() for file in files if min(Image.open(file).size) >= smallest_side]
    table = folder / "photos.csv"
    write_atomic(table, "\n".join(["file", *map(str, large)]) + "\n")
    return table


if __name__ == "__main__":
    main()
