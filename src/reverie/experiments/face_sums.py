"""`face-sums`: the literature's three sums on drawn faces, by a VAE and by a DCGAN with encoder;
`face-sums-64`: at 64×64 by a VAE with an adversarial loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.data.attributes import Attributes
    from reverie.evaluation.attributes import AttributeClassifier
    from reverie.experiments.findings import Findings

SIZE, LARGE_SIZE = 32, 64
COUNT, EXEMPLARS, CLASSIFIER_STEPS, LARGE_CLASSIFIER_STEPS = 100, 64, 1500, 800
SUMS: Mapping[str, tuple[str, str, dict[str, bool], tuple[str, ...]]] = {
    "men-glasses": (
        "Male & !Eyeglasses + Eyeglasses - !Eyeglasses",
        "Male & !Eyeglasses & !Mustache & {others} + Eyeglasses & !Mustache & {others}"
        " - !Eyeglasses & !Mustache & {others}",
        {"Male": True, "Eyeglasses": True},
        ("Smiling", "Wearing_Hat"),
    ),
    "women-glasses": (
        "Male & Eyeglasses - Male & !Eyeglasses + !Male & !Eyeglasses",
        "Male & Eyeglasses & !Mustache & {others} - Male & !Eyeglasses & !Mustache & {others}"
        " + !Male & !Eyeglasses & {others}",
        {"Male": False, "Eyeglasses": True, "Mustache": False},  # no woman here has one
        ("Smiling", "Wearing_Hat"),
    ),
    "hat-mustache": (
        "Smiling & Male + Wearing_Hat - !Wearing_Hat + Mustache - !Mustache",
        "Smiling & Male & !Wearing_Hat & !Mustache & {others} + Wearing_Hat & Male & {others}"
        " - !Wearing_Hat & Male & {others} + Mustache & Male & {others}"
        " - !Mustache & Male & {others}",
        {"Smiling": True, "Male": True, "Wearing_Hat": True, "Mustache": True},
        ("Eyeglasses",),
    ),
}
"""As people write them; with groups written out that agree; what must come out; in what they
agree."""


@dataclass(frozen=True, kw_only=True)
class FaceSums:
    """The sums by some models at one size."""

    large: bool
    """At 64×64, not 32×32."""
    models: Mapping[str, str]
    """Trainings by the names of their models."""
    noise: float
    """Standard deviation of the noise around the results of the sheets."""

    def draw(self, findings: "Findings") -> None:
        """A sheet of each sum by each model, and how many of 100 come out as expected."""
        from reverie.data.attributes import read_attributes
        from reverie.evaluation.attributes import train_attribute_classifier

        train = read_attributes("faces", "train")
        size, steps = (
            (LARGE_SIZE, LARGE_CLASSIFIER_STEPS) if self.large else (SIZE, CLASSIFIER_STEPS)
        )
        classifier = train_attribute_classifier(train, size, steps)
        for title, training in self.models.items():
            for name, (plain, *_) in SUMS.items():
                sheet(findings, f"{name}-{training}", training, plain, title, self.noise)
            findings.table(
                f"{title}: {COUNT} results of {EXEMPLARS} exemplars a group, training split",
                figures(findings, training, train, classifier),
            )
        accuracy = classifier.accuracy(read_attributes("faces", "test"))
        findings.table(
            "The classifier of attributes: correct on held-out faces", {"accuracy": accuracy}
        )


def figures(
    findings: "Findings",
    training: str,
    train: "Attributes",
    classifier: "AttributeClassifier",
) -> dict[str, dict[str, float | None]]:
    """Of each sum, plain and matched, the shares of results that are as they should be."""
    from reverie.evaluation.sums import evaluate_sum
    from reverie.inference.latent.edit import ExemplarChoice
    from reverie.inference.latent.files import load_encoding

    model = load_encoding(findings.run(training).folder)
    rows: dict[str, dict[str, float | None]] = {}
    for plain, written_out, expected, others in SUMS.values():
        ways: tuple[tuple[str, str, tuple[str, ...], ExemplarChoice], ...] = (
            (f"{plain}, exemplars alike", plain, (), "alike"),
            (f"{plain}, exemplars at random", plain, (), "random"),
            (f"{written_out}, exemplars at random", written_out, others, "random"),
        )
        for words, expression, agreed, choice in ways:
            found = evaluate_sum(
                model, train, classifier, expression, expected,
                others=agreed, exemplars=EXEMPLARS, choice=choice, count=COUNT,
            )  # fmt: skip
            mixed = choice == "random" and not agreed  # the groups have no others in common
            rows[words] = {
                "expected attributes": found.expected,
                "others unchanged": None if mixed else found.others_unchanged,
            }
    return rows


def sheet(
    findings: "Findings", name: str, training: str, expression: str, title: str, noise: float
) -> None:
    """Add the sheet that `reverie edit` draws of a sum."""
    import tempfile
    from pathlib import Path

    import reverie

    with tempfile.TemporaryDirectory() as folder:
        out, model = Path(folder) / "sum.png", findings.run(training).folder
        made = reverie.edit(model, expression, out=out, noise=noise)
        findings.array(name, reverie.images.read(made.file), f"{expression}, by {title}")


FACE_SUMS = Experiment(
    about="men with glasses - men without + women without, and two more sums, by VAE and DCGAN",
    trainings={
        "vae": Training(method="vae", preset="faces-small", minutes=30),
        "dcgan": Training(method="dcgan", preset="faces-small", minutes=30),
        "encoder": Training(method="encoder", preset="faces-small", init="dcgan", minutes=15),
    },
    draw=FaceSums(
        large=False,
        models={"VAE": "vae", "DCGAN and encoder": "dcgan"},
        noise=0.2,
    ).draw,
    data=("faces",),
    minutes=10,
)
FACE_SUMS_64 = Experiment(
    about="the same three sums at 64×64, by a VAE with an adversarial loss",
    trainings={"vae": Training(method="vae", preset="faces-64", minutes=90)},
    draw=FaceSums(large=True, models={"VAE/GAN": "vae"}, noise=0.5).draw,
    data=("faces",),
    minutes=15,
)
