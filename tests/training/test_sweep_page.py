import json
from pathlib import Path

from reverie.core.marks import is_marked
from reverie.runs.run import Run
from reverie.training.child import Ending
from reverie.training.combinations import combine
from reverie.training.curves import COLOURS
from reverie.training.sweep_page import write_page, write_record
from reverie.training.sweep_result import SweepResult, SweepRun, settings_of
from tests.training.test_combinations import GAN
from tests.training.test_films import sheets
from tests.training.test_report import LINE, begin


def result_in(folder: Path) -> SweepResult:
    """A sweep of two sizes and two seeds: two are finished, one has failed, one waits."""
    endings = [Ending(True), Ending(True), Ending(False, "the loss <became> nan."), None]
    runs = []
    combinations = combine(GAN, {"latent_size": [2, 4], "seed": [0, 1]})
    for number, (one, ending) in enumerate(zip(combinations, endings, strict=True)):
        run = Run(folder / one.name)
        if ending is not None:
            run = begin(folder / one.name, seed=one.recipe.training.seed)
            for step in (1, 2):
                losses = {"generator": number + step / 2, "discriminator/real": 0.5}
                run.log(LINE | {"step": step, "losses": losses})
            sheets(run.folder, 0, 2)
        runs.append(SweepRun.of(run, one, ending))
    return SweepResult(folder, folder / "sweep.html", runs, settings_of(runs))


def test_the_page_of_a_sweep(tmp_path: Path) -> None:
    result = result_in(tmp_path / "a & b")
    write_page({"method": "gan"}, result)
    page = result.page.read_text()
    assert is_marked(result.page)
    assert "gan · finished: 2 of 4 runs" in page
    assert "<b>latent_size=4,seed=0</b> failed: the loss &lt;became&gt; nan." in page
    assert '<td data-value="1.5">1.5 ± 0.71</td>' in page  # of 1 and 2
    assert [page.count(f"background:{colour}") for colour in COLOURS[:3]] == [3, 3, 0]
    assert page.count("<svg") == 4  # linear and logarithmic, by steps and by epochs
    assert page.count(">mean logit</text>") == 4  # in a panel of its own
    assert page.count("<figure>") == 4
    for outside in ("http:", "https:", 'src="/', "link rel"):
        assert outside not in page.replace("http://www.w3.org/", "")


def test_the_record_of_a_sweep(tmp_path: Path) -> None:
    result = result_in(tmp_path)
    write_record(tmp_path, {"method": "gan", "names": ["x"]}, result)
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert record["sweep"] == {"method": "gan", "names": ["x"]}
    assert [run["state"] for run in record["runs"]] == ["finished", "finished", "failed", "waiting"]
    assert record["runs"][0]["figures"]["loss generator"] == 1.0
    setting = record["settings"][0]["figures"]["loss generator"]
    assert setting == {"mean": 1.5, "deviation": 0.5**0.5, "runs": 2}
