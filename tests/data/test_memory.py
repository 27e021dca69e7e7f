import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Subset, TensorDataset

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.data import find_source
from reverie.data.memory import find_held, hold, in_memory, source_of

Photos = Callable[..., Path]

X = np.random.default_rng(0).integers(0, 256, (40, 16, 16), np.uint8)
Y = np.arange(40) % 3
SHORT: dict[str, Any] = {"steps": 1, "batch_size": 4, "hidden": (8,), "device": "cpu"}


class Items:
    """A dataset read by index, with items of any kind."""

    def __init__(self, *items: object, **about: object) -> None:
        self.items = items
        self.__dict__ |= about

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> object:
        return self.items[index]


class ClassLabel:
    names = ("cat", "dog")


class Image_:
    """A feature of a Hugging Face dataset, known by the name of its class."""


Image_.__name__ = "Image"


def pixels(source: Any) -> np.ndarray:
    return np.stack([source.read(i, None) for i in range(len(source.names))])


@pytest.mark.parametrize(
    "images",
    [
        X,
        X[..., None],
        X[:, None],
        torch.from_numpy(X),
        torch.from_numpy(X)[:, None].float() / 255,
        torch.from_numpy(X)[:, None].bfloat16() / 255,
        [Image.fromarray(one) for one in X],
        list(X),
        [torch.from_numpy(one) for one in X],
        TensorDataset(torch.from_numpy(X)[:, None].float() / 127.5 - 1),
        Items(*({"image": Image.fromarray(one)} for one in X)),
        {"images": X},
    ],
)
def test_what_people_hold(images: Any) -> None:
    found = pixels(source_of(images))[..., 0].astype(int)
    tolerance = 1 if getattr(images, "dtype", None) == torch.bfloat16 else 0
    assert np.abs(found - X).max() <= tolerance


def test_paths(photos: Photos) -> None:
    files = sorted(photos(5).iterdir())
    source = source_of(files, ["a", "b", "a", "b", "a"])
    assert (pixels(source) == pixels(find_source(str(files[0].parent)))).all()
    assert source.class_names == ("a", "b")
    assert source_of([str(file) for file in files]).digest() == source.digest()


def test_labels_of_items() -> None:
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    assert (source_of(dataset).labels == Y).all()
    assert (source_of(Subset(dataset, [1, 2])).labels == [1, 2]).all()
    assert (source_of(dataset, Y[::-1]).labels == Y[::-1]).all()
    named = Items((X[0], 0), (X[1], 1), classes=["cat", "dog"])
    assert source_of(named).class_names == ("cat", "dog")
    assert source_of(Subset(named, [0])).class_names == ("cat", "dog")  # type: ignore[arg-type]
    rows = [{"picture": Image.fromarray(X[0]), "kind": 1, "note": "x"}] * 2
    features = {"picture": Image_(), "kind": ClassLabel(), "note": "text"}
    source = source_of(Items(*rows, features=features))
    assert source.labels is not None
    assert (source.labels.tolist(), source.class_names) == ([1, 1], ("cat", "dog"))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (Image.fromarray(X[0]), "one image: give a list"),
        ([], "no images"),
        ((one for one in X), "data is of type generator"),
        (5, "data is of type int"),
        (DataLoader(TensorDataset(torch.zeros(2, 1, 4, 4))), "data=loader.dataset"),
        ({"train": Items(X[0]), "test": Items(X[0])}, r"data=dataset\['train'\]"),
        ({"a": X, "b": X}, r"none of its arrays \(a, b\)"),
        (["nothing.png"], "1 of 1 paths name no image file, first nothing.png"),
        (["."], "a folder is given by its path alone"),
        ([X[0], "nothing.png"], "nothing.png"),
        ([X[0], 5], "item 1 is a int"),
        ([np.zeros(5)], r"item 0 has the shape \[5\]"),
        (Items({"text": "a"}), "its items have text, and no image"),
        (Items((X[0], X[0])), "the label must be a number or text, not a ndarray"),
        ([(Image.fromarray(X[0]), 1), Image.fromarray(X[1])], "item 1 has no label"),
    ],
)
def test_what_is_no_set_of_images(images: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        source_of(images)


def test_a_random_transform_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    class Noisy(Items):
        def __getitem__(self, index: int) -> object:
            return np.random.default_rng().random((4, 4))

    source_of(Noisy(1, 2))
    assert "differ each time they are read" in capsys.readouterr().err
    source_of(Items(X[0], X[1]))
    assert not capsys.readouterr().err.count("differ")


def test_a_name_holds_for_as_long_as_the_work() -> None:
    with in_memory(X) as one, in_memory(X.copy()) as other:
        assert one == other
        assert find_source(one["data"]).pixels is not None
    with in_memory(X, labels=Y) as labelled:
        assert labelled != one
        with in_memory((X, Y)) as same:
            assert same == labelled
    gc.collect()
    with pytest.raises(UserError, match="in the memory of a Python program"):
        find_held(one["data"])


def test_two_sides_and_labels() -> None:
    with in_memory((X, X[::-1]), two_sides=True) as names:
        assert set(names) == {"data", "data_b"}
        assert names["data"] != names["data_b"]
    with in_memory(("a", "b"), two_sides=True) as names:
        assert names == {"data": "a", "data_b": "b"}
    with in_memory((Image.fromarray(X[0]), Image.fromarray(X[1]))) as names:
        assert names["data"].startswith("memory:2-of-16x16-")
    with pytest.raises(UserError, match="images and a label for each"), in_memory((X, X)):
        pass
    with pytest.raises(UserError, match="labels= goes with images in memory"):
        in_memory("digits", labels=Y).__enter__()


def test_a_run_is_resumed_with_the_same_images_alone(tmp_path: Path) -> None:
    out = tmp_path / "run"
    reverie.train("vae", data=X, out=out, **SHORT)
    facts = json.loads((out / "options.json").read_text())
    assert facts["data"]["data"] == hold(X)[0]
    assert facts["picture_kind"] == "array of uint8"
    more = {"out": out, "steps": 2, "resume": True}
    assert reverie.train("vae", data=torch.from_numpy(X), **more).steps == 2
    with pytest.raises(UserError, match=r"images have changed .*\(40 images then, 39 now\)"):
        reverie.train("vae", data=X[1:], **more)
    gc.collect()
    with pytest.raises(UserError, match="give the same images again in Python"):
        reverie.train("vae", **more)
    np.savez(tmp_path / "x.npz", X)
    saved = str(tmp_path / "x.npz")
    assert main(["train", "vae", "--data", saved, "--out", str(out), "--resume", "--steps=3"]) == 0


def test_the_command_line_has_no_images_in_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reverie.train("vae", data=X, out=tmp_path / "run", **SHORT)
    gc.collect()
    assert main(["train", "vae", "--out", str(tmp_path / "run"), "--resume", "--steps=2"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.endswith("save them with numpy.savez and give the file as --data.")


def test_training_is_that_of_a_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X)
    for name, data in (("memory", X), ("file", tmp_path / "x.npz")):
        reverie.train("vae", data=data, out=tmp_path / name, **SHORT)
    one, other = (reverie.load(tmp_path / name).sample(2) for name in ("memory", "file"))
    assert torch.equal(one, other)


def test_labels_must_be_those_of_the_run(tmp_path: Path) -> None:
    out, small = tmp_path / "run", {"width": 4, "steps": 1, "batch_size": 4, "device": "cpu"}
    with pytest.raises(UserError, match="in Python give labels="):
        reverie.train("cgan", data=X, out=out, **small)
    reverie.train("cgan", data=(X, ["abc"[n] for n in Y]), out=out, **small)
    assert reverie.load(out).class_names == ("a", "b", "c")
    with pytest.raises(UserError, match="the labels have changed"):
        reverie.train("cgan", data=X, labels=Y[::-1].copy(), out=out, resume=True, steps=2)


def test_translation_and_super_resolution(tmp_path: Path) -> None:
    a = np.random.default_rng(1).random((6, 24, 24, 3))
    tiny = {"steps": 1, "batch_size": 2, "width": 4, "blocks": 1, "device": "cpu"}
    reverie.train("cyclegan", data=(a, a[:4]), out=tmp_path / "a", **tiny)
    with pytest.raises(UserError, match="6 and 4 images: pairs of arrays"):
        reverie.train("pix2pix", data=a, data_b=a[:4], out=tmp_path / "b")
    with pytest.raises(UserError, match=r"data=\(a, b\), or pair_by="):
        reverie.train("cyclegan", data=a, out=tmp_path / "b")
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(X[0]).save(folder / "a.png")
    with pytest.raises(UserError, match="one domain has files and the other has none"):
        reverie.train("pix2pix", data=a, data_b=folder, out=tmp_path / "b")
    with pytest.raises(UserError, match="not 2 times as large"):
        reverie.train("srresnet", data=a, data_b=a, scale=2, out=tmp_path / "b")


def test_evaluation(tmp_path: Path) -> None:
    figures = reverie.evaluate(X, data=X[::-1].copy(), features="digits").figures
    assert figures["frechet_distance[digits, 40, all]"] == pytest.approx(0, abs=1e-3)
    reverie.train("vae", data=X, out=tmp_path / "run", **SHORT)
    known = reverie.evaluate(tmp_path / "run", data=X, features="digits", count=20).figures
    samples = reverie.load(tmp_path / "run").sample(20)
    same = reverie.evaluate(samples, data=X, features="digits").figures
    assert same == {name: known[name] for name in same}


def test_sweeps_refuse_images_in_memory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"save them with numpy\.savez"):
        reverie.sweep("vae", {"seed": [0, 1]}, data=X, out=tmp_path)  # type: ignore[arg-type]
