import json
from pathlib import Path

import numpy as np
import pytest
import torch

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.data import DataOptions, open_dataset
from reverie.evaluation import reference as module
from reverie.evaluation.dataset_features import dataset_features
from reverie.evaluation.reference import Reference, read_reference


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    options = {"data": "digits", "batch_size": 8, "steps": 2, "width": 4}
    return reverie.train("cgan", out=folder, **options).folder


@pytest.fixture(scope="module")
def stats(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stats") / "digits.npz"
    reverie.evaluate(run, data="digits", count=60, save_stats=path)
    return path


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as content:
        return dict(content)


def changed(stats: Path, tmp_path: Path, **changes: object) -> Path:
    arrays = arrays_of(stats) | changes
    np.savez(tmp_path / "c.npz", **{k: v for k, v in arrays.items() if v is not None})  # type: ignore[arg-type]
    return tmp_path / "c.npz"


def test_figures_are_those_of_the_images(run: Path, stats: Path, tmp_path: Path) -> None:
    direct = reverie.evaluate(run, data="digits", count=60).figures
    by_file = reverie.evaluate(run, against=stats, count=60).figures
    assert by_file == direct
    assert sum("distance[digits, class" in name for name in by_file) == 10
    assert main(["sample", str(run), "-n", "60", "--out", str(tmp_path / "s.npz")]) == 0
    samples = reverie.evaluate(tmp_path / "s.npz", against=stats).figures
    assert samples == reverie.evaluate(tmp_path / "s.npz", data="digits").figures
    assert samples == {k: direct[k] for k in samples}


def test_mean_and_covariance_are_those_of_numpy(stats: Path) -> None:
    images = open_dataset(DataOptions(data="digits", split="test"))
    features = dataset_features("digits", images).features.double().numpy()
    content = arrays_of(stats)
    assert np.allclose(content["mu"], features.mean(0))
    assert np.allclose(content["sigma"], np.cov(features, rowvar=False))


def test_the_layout_of_other_tools(run: Path, stats: Path, tmp_path: Path) -> None:
    content = arrays_of(stats)
    np.savez(tmp_path / "mine.npz", mu=content["mu"], sigma=content["sigma"])
    with pytest.raises(UserError, match="does not say of which feature network"):
        reverie.evaluate(run, against=tmp_path / "mine.npz")
    figures = reverie.evaluate(run, against=tmp_path / "mine.npz", features="digits", count=60)
    exact = reverie.evaluate(run, against=stats, count=60)
    name = "frechet_distance[digits, 60, mine]"
    assert figures[name] == pytest.approx(exact["frechet_distance[digits, 60, test]"], rel=1e-5)
    assert not any(key.startswith(("kernel", "precision")) for key in figures)


def test_classes_of_other_names_or_none(run: Path, stats: Path, tmp_path: Path) -> None:
    for classes in ({"class_names": np.array(list("abcdefghij"))}, {"labels": None}):
        figures = reverie.evaluate(run, against=changed(stats, tmp_path, **classes), count=60)
        assert not any("distance[digits, class" in name for name in figures)


def test_moments_alone(stats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FEATURES", 10)
    whole = read_reference(stats)
    whole.save(tmp_path / "small.npz")
    small = read_reference(tmp_path / "small.npz")
    assert small.features is None
    assert small.count == whole.count == 2000
    assert torch.allclose(small.moments.covariance, whole.moments.covariance)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "0"}, "have other weights here"),
        ({"network": "nothing"}, "have other weights here"),
        ({"mu": None}, "holds no statistics"),
        ({"mu": np.zeros(3)}, "do not belong together"),
        ({"mu": np.zeros((3, 3))}, "mu must be a vector"),
        ({"count": None}, "damaged: write it again"),
        ({"count": 1}, "damaged"),
        ({"image_size": "ax"}, "damaged"),
        ({"channels": "a"}, "damaged"),
        ({"features": np.zeros((2, 2), np.float32)}, "damaged"),
        ({"labels": np.array([0, 10])}, "damaged"),
    ],
)
def test_files_that_do_not_fit(
    stats: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_reference(changed(stats, tmp_path, **changes))


def test_matrices_that_are_no_covariance(stats: Path, tmp_path: Path) -> None:
    sigma = arrays_of(stats)["sigma"]
    for wrong, message in ((np.full_like(sigma, np.nan), "not finite"), (sigma, "not symmetric")):
        wrong = wrong.copy()
        wrong[0, 1] += 1
        with pytest.raises(UserError, match=message):
            read_reference(changed(stats, tmp_path, sigma=wrong))


def test_another_network_or_size(run: Path, stats: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="statistics of the features digits, not efficientnet"):
        read_reference(stats, "efficientnet")
    other = changed(stats, tmp_path, image_size="64")
    with pytest.raises(UserError, match=r"images of 64×64 with 1 channels, and .* makes 28×28"):
        reverie.evaluate(run, against=other)
    plain = {k: v for k, v in arrays_of(stats).items() if k in ("mu", "sigma")}
    np.savez(tmp_path / "plain.npz", **plain)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="they are of another network"):
        read_reference(tmp_path / "plain.npz", "efficientnet")


def test_too_few_images(tmp_path: Path) -> None:
    images = open_dataset(DataOptions(data="digits"))
    with pytest.raises(UserError, match="two images or more"):
        Reference.of("digits", images, torch.zeros(1, 3)).save(tmp_path / "s.npz")


def test_on_the_command_line(
    run: Path, stats: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = str(tmp_path / "s.npz")
    words = ["evaluate", str(run), "--count", "20", "--json"]
    assert main([*words, "--data", "digits", "--save-stats", written]) == 0
    capsys.readouterr()
    assert main([*words, "--against", written]) == 0
    assert "frechet_distance[digits, 20, test]" in json.loads(capsys.readouterr().out)
    for flags, message in (
        ([], "--data IMAGES, or --against FILE"),
        (["--against", written, "--data", "digits"], "give no --data"),
        (["--against", written, "--report", "a.html"], "give no --report"),
        (["--against", str(tmp_path / "nothing.npz")], "there is no such file"),
        (["--data", "digits", "--save-stats", "a.png"], "statistics are written as .npz"),
        (["--pairs"], "--pairs compares with"),
    ):
        assert main([*words, *flags]) == 2
        assert message in capsys.readouterr().err
    assert main(["evaluate", str(run / "samples/nothing.png"), "--data", "digits"]) == 2
    sheet = str(next((run / "samples").glob("*.png")))
    assert main(["evaluate", sheet, "--data", "digits"]) == 2
    assert "is one image: evaluate takes" in capsys.readouterr().err
