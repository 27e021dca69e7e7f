"""Train the model that `reverie upscale` uses by default, and print its figures.

    reverie data get photos
    python scripts/train_upscaler.py [--minutes 20] [--run runs/x4]

An existing run is resumed until `--minutes` are over. The weights are stored and evaluated in half
precision; the test images are scikit-image's astronaut, coffee, chelsea and rocket.
"""

import argparse
import json
import tempfile
from pathlib import Path

import skimage.data
from PIL import Image

import reverie
from reverie.runs.model_card import model_card
from reverie.runs.model_folder import save_model
from reverie.runs.run import Run

PRETRAINED = Path(reverie.__file__).parent / "inference" / "pretrained" / "photos-x4"
TESTED_ON = ("astronaut", "coffee", "chelsea", "rocket")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, default=None, help="keep the run in this folder")
    parser.add_argument("--out", type=Path, default=PRETRAINED)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(arguments.run or Path(folder) / "photos-x4")
        trained = reverie.train(
            "srresnet",
            preset="photos-small",
            out=run.folder,
            resume=run.exists(),
            seed=arguments.seed,
            minutes=arguments.minutes,
        )
        method = trained.load().method.half()
        card = model_card(run.recipe(), run).replace("path/to/this/folder", "photos-x4")
        card = card.replace(f"# {run.folder.resolve().name}", "# photos-x4", 1)
        save_model(arguments.out, "srresnet", method, card)
        tests = Path(folder) / "tests"
        tests.mkdir()
        for name in TESTED_ON:
            Image.fromarray(getattr(skimage.data, name)()).save(tests / f"{name}.png")
        figures = reverie.evaluate(arguments.out, data=str(tests)).figures
    size = sum(file.stat().st_size for file in arguments.out.iterdir())
    print(json.dumps({"steps": trained.steps, "bytes": size} | figures, indent=1))


if __name__ == "__main__":
    main()
