"""`face-sums`: the literature's three sums on drawn faces, by a VAE and by a DCGAN with encoder."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings

SIZE, COUNT, EXEMPLARS, CLASSIFIER_STEPS = 32, 100, 64, 1500
MODELS = {"VAE": "vae", "DCGAN and encoder": "dcgan"}
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


def draw(findings: "Findings") -> None:
    """A sheet of each sum by each model, and how many of 100 come out as expected."""
    from reverie.data.attributes import read_attributes
    from reverie.evaluation.attributes import train_attribute_classifier
    from reverie.evaluation.sums import evaluate_sum
    from reverie.inference.latent.edit import ExemplarChoice
    from reverie.inference.latent.files import load_encoding

    train = read_attributes("faces", "train")
    classifier = train_attribute_classifier(train, SIZE, CLASSIFIER_STEPS)
    for title, training in MODELS.items():
        model = load_encoding(findings.run(training).folder)
        rows: dict[str, dict[str, float | None]] = {}
        for name, (plain, written_out, expected, others) in SUMS.items():
            sheet(findings, f"{name}-{training}", training, plain, title)
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
        findings.table(
            f"{title}: {COUNT} results of {EXEMPLARS} exemplars a group, training split", rows
        )
    accuracy = classifier.accuracy(read_attributes("faces", "test"))
    findings.table(
        "The classifier of attributes: correct on held-out faces", {"accuracy": accuracy}
    )


def sheet(findings: "Findings", name: str, training: str, expression: str, title: str) -> None:
    """Add the sheet that `reverie edit` draws of a sum."""
    import tempfile
    from pathlib import Path

    import reverie

    with tempfile.TemporaryDirectory() as folder:
        made = reverie.edit(findings.run(training).folder, expression, out=Path(folder) / "sum.png")
        findings.array(name, reverie.images.read(made.file), f"{expression}, by {title}")


FACE_SUMS = Experiment(
    about="men with glasses - men without + women without, and two more sums, by VAE and DCGAN",
    trainings={
        "vae": Training(method="vae", preset="faces-small", minutes=30),
        "dcgan": Training(method="dcgan", preset="faces-small", minutes=30),
        "encoder": Training(method="encoder", preset="faces-small", init="dcgan", minutes=15),
    },
    draw=draw,
    data=("faces",),
    minutes=10,
)
