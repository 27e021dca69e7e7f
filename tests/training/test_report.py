import html
import re
from pathlib import Path

from reverie.data import open_dataset
from reverie.methods.presets import recipe_for
from reverie.runs.run import Run
from reverie.training.report import write_report


def begin(folder: Path, **options: object) -> Run:
    run = Run(folder)
    recipe = recipe_for("vae").with_options(data="digits", **options)  # type: ignore[arg-type]
    run.begin(recipe, open_dataset(recipe.data))
    return run


LINE = {
    "step": 1, "seconds": 2.0, "images_seen": 8, "images_per_second": 4.0, "waiting_share": 0.125,
}  # fmt: skip


def log(run: Run, steps: int, trouble: str = "") -> None:
    for step in range(1, steps + 1):
        line = LINE | {
            "step": step,
            "seconds": 2.0 * step,
            "images_seen": 8 * step,
            "images_per_second": 100.0 * step,
            "losses": {"bound": 100.0 / step, "bound/kl": float(step)},
        }
        run.log(line | ({"troubles": [trouble]} if trouble and step == steps else {}))


def test_a_report(tmp_path: Path) -> None:
    run = begin(tmp_path / "a <run>", batch_size=8)
    log(run, 3, "the loss rises <fast>")
    page = write_report(run).read_text()
    assert write_report(run) == run.folder / "report.html"
    assert "<h1>a &lt;run&gt;</h1>" in page
    tiles = dict(re.findall(r'<div class="tile"><b>([^<]*)</b><span>([^<]*)</span>', page))
    assert {name: value for value, name in tiles.items()} == {
        "steps": "3",
        "images seen": "24",
        "training time": "0:06",
        "images/s": "200",  # the median of 100, 200 and 300
        "waiting for data": "12.5%",
        "training images": "8,000",
    }
    assert page.count("<svg") == 4  # of loss and KL divergence, linear and logarithmic
    assert "how far the codes are from the prior" in page
    assert "<h2>Warnings</h2><p>the loss rises &lt;fast&gt;</p>" in page
    assert "Validation" not in page


def test_every_option_is_listed(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    text = html.unescape(write_report(run).read_text())
    for name, value in run.recipe().flat().items():
        shown = list(value) if isinstance(value, tuple) else value
        assert f"<tr><td>{name}</td><td>{shown}</td></tr>" in text


def test_before_the_first_log(tmp_path: Path) -> None:
    page = write_report(begin(tmp_path / "run")).read_text()
    assert "nothing was logged yet" in page
    assert "<b>0</b><span>steps</span>" in page


def test_losses_and_gradient_penalties_have_panels_of_their_own(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    run.log(LINE | {"losses": {"discriminator": 1.0, "discriminator/real": 2.0, "penalty": 3.0}})
    page = write_report(run).read_text()
    for axis in ("loss", "mean logit", "gradient penalty"):
        assert page.count(f">{axis}</text>") >= 2  # linear and logarithmic


def test_validation_has_curves_of_its_own(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    run.log_evaluation({"step": 1, "figures": {"frechet_distance[x]": 3.0}})
    assert "<h2>Validation</h2>" in write_report(run).read_text()


def test_diversity_has_curves_of_its_own(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    log(run, 1)
    assert "Samples beside training images" not in write_report(run).read_text()
    run.log(run.read_log()[0] | {"step": 2, "diversity": {"samples/modes": 0.5}})
    page = write_report(run).read_text()
    assert "<h2>Samples beside training images</h2>" in page
    assert "samples/modes" in page


def test_the_size_of_the_images_is_shown(tmp_path: Path) -> None:
    page = write_report(begin(tmp_path / "run")).read_text()
    assert "28×28 grayscale" in page
