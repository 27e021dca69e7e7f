"""`colours`, `drawings`: photographs from their luma, and from line drawings of them."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reverie.core.options import PairBy
from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from reverie.experiments.findings import Findings

SIZE, HELD_OUT_EVERY, SHOWN = 96, 10, 12
OTHERS, LARGE = ("astronaut", "coffee", "chelsea", "rocket"), (288, 192)
FEATURES = "efficientnet-lite2"
"""Not the network of the content loss."""


@dataclass(frozen=True)
class DerivedPairs:
    """A training of a preset of pix2pix on photographs, of which every tenth is held out."""

    preset: str
    how: PairBy
    words: str

    def training_photographs(self, folder: Path) -> Path:
        """A table of the photographs that are trained on."""
        from reverie.core.files import write_atomic

        rows = io.StringIO()
        writer = csv.writer(rows)
        writer.writerow(["file"])
        held_out = set(_photographs()[::HELD_OUT_EVERY])
        writer.writerows([str(path)] for path in _photographs() if path not in held_out)
        table = folder / "photographs.csv"
        write_atomic(table, rows.getvalue())
        return table

    def draw(self, findings: "Findings") -> None:
        """Rows of held-out photographs, and errors beside those of the input itself."""
        import torch

        from reverie.data.derived import derive
        from reverie.evaluation.metrics.paired import perceptual_distance

        held_out = _photographs()[::HELD_OUT_EVERY]
        target = torch.cat([_thumbnail(path) for path in held_out])
        source = derive(target, self.how)
        made = findings.model("pix2pix").translate(source, "ab")
        shown = torch.linspace(0, len(target) - 1, min(SHOWN, len(target))).long()
        rows = {"input": source, "translation": made, "photograph": target}
        chosen = {name: list(images[shown]) for name, images in rows.items()}
        findings.rows("held-out", chosen, f"{self.words}: photographs that no training saw")
        figures = {
            name: {
                f"perceptual distance [{FEATURES}]": float(
                    perceptual_distance(FEATURES, images, target).mean()
                ),
                "mean absolute error, of 2": float((images - target).abs().mean()),
                "chroma, of the photographs'": float(_chroma(images) / _chroma(target)),
            }
            for name, images in {"the input": source, "translation": made}.items()
        }
        findings.table(f"{self.words}, {len(target)} held-out photographs", figures)
        self._draw_others(findings)

    def _draw_others(self, findings: "Findings") -> None:
        """Photographs of another collection, larger than those of the training."""
        import tempfile

        import torch

        import reverie
        from reverie.core import image_io
        from reverie.data.derived import derive
        from reverie.experiments.photographs import photograph

        sources, translations, targets = [], [], []
        model = findings.model("pix2pix")
        with tempfile.TemporaryDirectory() as folder:
            for name in OTHERS:
                target = photograph(name, LARGE)
                file = Path(folder) / f"{name}.png"
                image_io.save(target[0], file)
                out = Path(folder) / "translated" / name
                made = reverie.translate(model, [file], out=out, pair_by=self.how)
                sources.append(derive(target, self.how))
                translations.append(image_io.to_tensor(image_io.read(made.files[0])[None]))
                targets.append(target)
        words = f"{self.words}, {' by '.join(map(str, LARGE))}: input, translation, photograph"
        findings.sheet("others", torch.cat([*sources, *translations, *targets]), words, len(OTHERS))

    def experiment(self, minutes: float) -> Experiment:
        """The one training, of so many minutes."""
        training = Training(
            method="pix2pix", preset=self.preset, minutes=minutes, data=self.training_photographs
        )
        return Experiment(
            about=f"{self.words}, by pix2pix, on held-out photographs",
            trainings={"pix2pix": training},
            draw=self.draw,
            data=("photos",),
            minutes=1,
        )


def _photographs() -> list[Path]:
    from reverie.data.source import set_folder

    return sorted(set_folder("photos").rglob("*.png"))


def _thumbnail(path: Path) -> "Float[Tensor, '1 3 h w']":
    from reverie.core import image_io
    from reverie.core.image_size import Size

    pixels = image_io.with_channels(image_io.read(path), 3)
    return image_io.to_tensor(image_io.resize(pixels, Size.of(SIZE))[None])


def _chroma(images: "Float[Tensor, 'n 3 h w']") -> "Float[Tensor, '']":
    """Mean absolute difference of the channels from the luma."""
    from reverie.core.image_io import convert_channels

    return (images - convert_channels(images, 1)).abs().mean()


COLOURS = DerivedPairs("colours", "grey", "Photographs from their luma").experiment(20)
DRAWINGS = DerivedPairs("drawings", "edges", "Photographs from line drawings").experiment(25)
