"""Train the diffusion model of digits that is part of the package, and print its figures.

    python scripts/train_digits_model.py [--minutes 30] [--out FOLDER]

Narrower than the preset, so that its weights in half precision are smaller than 1 MB, and trained
longer. It is evaluated in half precision, as it is stored.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import reverie
from reverie.runs.model_card import model_card
from reverie.runs.model_folder import save_model
from reverie.runs.run import Run

PRETRAINED = Path(reverie.__file__).parent / "inference" / "pretrained" / "digits"
WIDTH = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, default=None, help="keep the run in this folder")
    parser.add_argument("--out", type=Path, default=PRETRAINED)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(arguments.run or Path(folder) / "digits")
        trained = reverie.train(
            "diffusion",
            preset="digits",
            out=run.folder,
            resume=run.exists(),
            **({} if run.exists() else {"width": WIDTH, "ema_decay": 0.9995}),
            seed=arguments.seed,
            minutes=arguments.minutes,
            sample_every=2000,
        )
        method = trained.load().method.half()
        card = model_card(run.recipe(), run).replace("path/to/this/folder", "digits")
        save_model(arguments.out, "diffusion", method, card)
    result: dict[str, Any] = {
        "steps": trained.steps,
        "bytes": sum(f.stat().st_size for f in arguments.out.iterdir()),
    }
    for guidance in (1.0, 2.0):
        figures = reverie.evaluate(arguments.out, data="digits", guidance=guidance).figures
        result[f"guidance {guidance}"] = {k: v for k, v in figures.items() if "class" not in k}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
