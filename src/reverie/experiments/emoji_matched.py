"""`emoji-matched`, `emoji-free`: Windows' emojis to another maker's and back, by pix2pix on pairs
that `match` finds; `emoji-matched-64`, `emoji-free-64`: from Windows' alone, at 64×64.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.core.options import Direction
from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings

REAL, SHOWN, CLASSIFIER_STEPS = 1500, 14, 1500


@dataclass(frozen=True, kw_only=True)
class MatchedEmojis:
    """Windows' emojis of a dataset, and those of its other maker."""

    dataset: str
    maker: str
    image_size: int
    preset: str
    ways: tuple[Direction, ...]
    minutes: float
    """Of one training."""

    def pairs(self, folder: Path) -> Path:
        """The emojis of both makers, paired by `match`, which is not told their code points."""
        from reverie.evaluation.match import match

        if not (found := folder / "pairs").exists():
            match(self.dataset, out=found)
        return found

    def draw(self, findings: "Findings") -> None:
        """A sheet of held-out code points, the pairs, and figures in both directions."""
        import torch

        from reverie.core import image_io
        from reverie.experiments.domain_seen import share_of_b, trained_domain_classifier
        from reverie.experiments.pairs import figures, pairs

        test = pairs(self.dataset, self.image_size)
        train = pairs(self.dataset, self.image_size, "train")
        classifier = trained_domain_classifier(*train, CLASSIFIER_STEPS)
        shown = torch.linspace(0, len(test[0]) - 1, SHOWN).long()
        seen: dict[str, dict[str, float]] = {}
        for way in self.ways:
            makers = ("Windows", self.maker)
            words = " to ".join(makers if way == "ab" else makers[::-1])
            (source, target), real = (test, train[1]) if way == "ab" else (test[::-1], train[0])
            made = findings.model(way).translate(source, "ab")
            rows = {"source": source, "translation": made, "target": target}
            chosen = {name: list(images[shown]) for name, images in rows.items()}
            findings.rows(way, chosen, f"{words}: code points that no training saw")
            sets = {"doing nothing": source, "translation": made, "the targets themselves": target}
            about = f"{words}, {len(source)} held-out code points"
            findings.table(about, figures(sets, target, real[:REAL]))
            shares = {name: share_of_b(classifier, images) for name, images in sets.items()}
            seen[words] = {n: s if way == "ab" else 1 - s for n, s in shares.items()}
        findings.table("Share that a classifier takes for the other maker's", seen)
        sheet = image_io.read(findings.folder / "pairs" / "pairs.png")
        caption = "Pairs that were found: most alike, around the median, least alike kept"
        findings.sheet("pairs", image_io.to_tensor(sheet[None]), caption)

    def experiment(self) -> Experiment:
        """A training in each direction."""
        trainings = {
            way: Training(
                method="pix2pix",
                preset=self.preset,
                minutes=self.minutes,
                data=self.pairs,
                options={"direction": way},
            )
            for way in self.ways
        }
        size, back = self.image_size, " and back" if len(self.ways) > 1 else ""
        return Experiment(
            about=f"Windows' emojis to {self.maker}'s{back} at {size}×{size} without pairs: match, "
            "then pix2pix",
            trainings=trainings,
            draw=self.draw,
            data=(self.dataset,),
            minutes=5,
        )


AT_32: dict[str, Any] = {"image_size": 32, "preset": "emoji", "ways": ("ab", "ba"), "minutes": 45}
AT_64: dict[str, Any] = {"image_size": 64, "preset": "emoji-64", "ways": ("ab",), "minutes": 90}

EMOJI_MATCHED = MatchedEmojis(dataset="emoji", maker="Apple", **AT_32).experiment()
EMOJI_MATCHED_64 = MatchedEmojis(dataset="emoji", maker="Apple", **AT_64).experiment()
EMOJI_FREE = MatchedEmojis(dataset="emoji-free", maker="Google", **AT_32).experiment()
EMOJI_FREE_64 = MatchedEmojis(dataset="emoji-free", maker="Google", **AT_64).experiment()
