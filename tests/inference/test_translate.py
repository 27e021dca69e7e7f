import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from safetensors.torch import load_file

import reverie
from reverie import images
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.data.derived import derive
from reverie.inference.model import Model
from reverie.inference.options import TranslateOptions

Photos = Callable[..., Path]

TINY = {
    "width": 4,
    "discriminator_width": 4,
    "blocks": 1,
    "image_size": 32,
    "steps": 3,
    "sample_every": 10_000,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for side in ("trainA", "trainB", "testA", "testB"):
        (root / side).mkdir()
        for index in range(8):
            pixels = random.integers(0, 256, (36, 36, 3), np.uint8)
            Image.fromarray(pixels).save(root / side / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "cyclegan"
    return reverie.train("cyclegan", out=out, data=str(data), **TINY).folder


@pytest.mark.parametrize(("cycle", "times"), [("sheet", 14 + 12), ("all", 28), ("none", 14)])
def test_the_way_back_is_for_the_sheet_or_on_request(
    run: Path,
    tmp_path: Path,
    photos: Photos,
    monkeypatch: pytest.MonkeyPatch,
    cycle: str,
    times: int,
) -> None:
    directions = []
    translate = Model.translate

    def counted(self: Model, image: torch.Tensor, direction: str, **how: object) -> torch.Tensor:
        directions.extend([direction] * len(image))
        return translate(self, image, direction, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Model, "translate", counted)
    folder = photos(14, "in", (32, 32))
    options = TranslateOptions(cycle=cycle)  # type: ignore[arg-type]
    done = reverie.translate(str(run), [folder], out=tmp_path / "out", options=options)
    assert len(done.files) == directions.count("ab") == 14
    assert len(directions) == times
    html = done.page.read_text()
    assert html.count("<img") == 14 + times
    assert ("translated back" in html) == (cycle != "none")


def test_colours_alone_are_generated_at_the_size_of_the_training(
    data: Path, tmp_path: Path, photos: Photos
) -> None:
    """The image keeps its own size and luma, grey or not; a smaller one is translated as it is."""
    out = tmp_path / "run"
    how = {"pair_by": "grey", "keeps_luma": True, "network": "resnet", "data": str(data / "trainA")}
    model = reverie.train("pix2pix", out=out, **TINY, **how).folder
    folder = photos(2, "in", (97, 80))
    photos(1, "in/small", (20, 20))
    grey = images.read(folder / "001.png")[..., 0]
    Image.fromarray(grey).save(folder / "001.png")
    sizes = []
    network = reverie.load(model)
    network.method.translator("ab").register_forward_hook(lambda *a: sizes.append(a[2].shape[2:]))
    done = reverie.translate(network, [folder], out=tmp_path / "out")
    assert {tuple(size) for size in sizes} == {(32, 40), (20, 20)}
    assert done.failed == {}
    for name in ("000.png", "001.png", "small/000.png"):
        luma, wanted = (
            np.asarray(Image.fromarray(images.read(file).squeeze()).convert("L")).astype(int)
            for file in (tmp_path / "out" / name, folder / name)
        )
        assert luma.shape == wanted.shape
        assert np.median(np.abs(luma - wanted)) <= 1  # less where a colour is out of range
    trained = reverie.translate(model, [folder], out=tmp_path / "trained", size="trained")
    assert {images.read(file).shape for file in trained.files} == {(32, 39, 3), (32, 32, 3)}


def test_a_folder_is_mirrored_and_a_bad_file_does_not_stop_it(
    run: Path, tmp_path: Path, photos: Photos, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photos(3, "in/deep/er", (50, 30))
    (folder.parent / "bad.png").write_bytes(b"no picture")
    Image.new("L", (33, 47), 90).save(folder.parents[1] / "grey.jpg")
    Image.new("RGB", (20, 20)).save(folder.parents[1] / "moving.gif")
    out = tmp_path / "out"
    assert main(["translate", str(run), str(folder.parents[1]), "--out", str(out), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["count"] == 5
    assert list(said["failed"]) == [str(folder.parent / "bad.png")]
    sizes = {
        str(p.relative_to(out)): images.size_of(p)
        for p in out.rglob("*")
        if p.is_file() and p.suffix != ".html" and p.name != "before-after.png"
    }
    assert sizes == {
        "grey.jpg": (33, 47),
        "moving.png": (20, 20),
        **{f"deep/er/{n:03d}.png": (50, 30) for n in range(3)},
    }
    page = (out / "index.html").read_text()
    assert page.count("<img") == 15  # input, output, and back again
    assert "deep/er/000.png" in page


@pytest.mark.parametrize(("size", "want"), [("own", (80, 60)), ("trained", (43, 32))])
def test_the_size_is_the_images_or_the_trainings(
    run: Path, tmp_path: Path, size: str, want: tuple[int, int]
) -> None:
    Image.new("RGBA", (80, 60), (9, 99, 199, 128)).save(tmp_path / "a.png")
    made = reverie.translate(run, tmp_path / "a.png", out=tmp_path / "out", size=size)
    with Image.open(made.files[0]) as image:
        assert (image.size, image.mode) == (want, "RGBA")


@pytest.mark.parametrize("size", [(1, 600), (600, 1)])
def test_very_long_images_have_a_preview(run: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size).save(tmp_path / "long.png")
    done = reverie.translate(run, tmp_path / "long.png", out=tmp_path / "out")
    assert images.size_of(done.files[0]) == size


def test_a_users_own_page_and_sheet_stay(run: Path, tmp_path: Path, photos: Photos) -> None:
    folder, out = photos(1), tmp_path / "out"
    (folder / "000.png").rename(folder / "before-after.png")
    out.mkdir()
    (out / "index.html").write_text("mine")
    for _ in range(2):
        done = reverie.translate(run, folder, out=out)
        assert [path.name for path in done.files] == ["before-after.png"]
        assert (done.sheet.name, done.page.name) == ("before-after-2.png", "index-2.html")
    assert (out / "index.html").read_text() == "mine"
    assert images.size_of(out / "before-after.png") == (40, 32)
    assert len(list(out.iterdir())) == 4


def test_names_of_files_are_text_on_the_page(run: Path, tmp_path: Path, photos: Photos) -> None:
    for name in ("<img onerror=x>.png", "\udcff.png"):
        (photos(1) / "000.png").rename(tmp_path / "photos" / name)
    page = reverie.translate(run, tmp_path / "photos", out=tmp_path / "out").page.read_text()
    assert "&lt;img onerror=x&gt;.png" in page
    assert "<img onerror" not in page
    assert r"\udcff.png" in page


def test_an_image_that_takes_too_much_memory_is_left_out(
    run: Path, tmp_path: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    translate = Model.translate

    def fail(self: Model, image: torch.Tensor, *args: object, **options: object) -> torch.Tensor:
        if image.shape[-1] > 50:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")
        return translate(self, image, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Model, "translate", fail)
    folder = photos(2)
    Image.new("RGB", (60, 20)).save(folder / "large.png")
    done = reverie.translate(run, folder, out=tmp_path / "out")
    assert len(done.files) == 2
    assert "does not fit into memory; use --tile" in done.failed[str(folder / "large.png")]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk(
    run: Path, tmp_path: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], number: int,
) -> None:  # fmt: skip
    """Exit code 2, the name of the file, and every file there old or new, none half."""
    command = ["translate", str(run), str(photos(3)), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    fsync, calls = os.fsync, []

    def full(file: int) -> None:
        calls.append(file)
        if len(calls) > 1:
            raise OSError(number, os.strerror(number))
        fsync(file)

    monkeypatch.setattr(os, "fsync", full)
    assert main(command) == 2
    assert f"001.png: {os.strerror(number)}" in capsys.readouterr().err.replace("\n", "")
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_rotation_is_done_and_metadata_stays(run: Path, tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(tmp_path / "turned.jpg", exif=exif, icc_profile=profile)
    done = reverie.translate(run, tmp_path / "turned.jpg", out=tmp_path / "out", direction="ba")
    with Image.open(done.files[0]) as made:
        assert made.size == (40, 60)  # upright
        assert made.getexif().get(0x010F) == "a camera"
        assert 0x0112 not in made.getexif()
        assert made.info["icc_profile"] == profile


def test_its_card_says_how_to_use_it(run: Path) -> None:
    card = (run / "model" / "README.md").read_text()
    assert "image-to-image" in card
    assert 'reverie.translate(model, "images/", out="translated/")' in card
    assert "model.sample" not in card


def test_a_batch_is_translated_as_its_pictures_are(run: Path) -> None:
    model = reverie.load(run)
    pictures = torch.rand(3, 3, 45, 38) * 2 - 1
    together = model.translate(pictures)
    assert together.shape == pictures.shape
    for picture, made in zip(pictures, together, strict=True):
        torch.testing.assert_close(model.translate(picture[None])[0], made, rtol=0, atol=1e-5)
    grey = model.translate(pictures[:1, :1])
    assert grey.shape == (1, 3, 45, 38)
    torch.testing.assert_close(
        model.translate(pictures[:1], tile=16), together[:1], rtol=0, atol=1e-4
    )


def test_dropout_and_batch_norm_at_use(data: Path, tmp_path: Path) -> None:
    options = TINY | {"image_size": 64}  # at 32 the U-Net has no level that drops
    run = reverie.train("pix2pix", out=tmp_path / "run", data=str(data), **options)
    model = run.load()
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    state = {k: v.clone() for k, v in model.method.state_dict().items()}
    plain = model.translate(picture)
    assert torch.equal(model.translate(picture), plain)
    random = torch.get_rng_state()
    dropped, again, other = (model.translate(picture, dropout=True, seed=s) for s in (1, 1, 2))
    assert torch.equal(dropped, again)
    assert not torch.equal(dropped, other)
    assert not torch.equal(dropped, plain)
    assert torch.equal(torch.get_rng_state(), random)
    pair = model.translate(torch.cat([-picture, picture]), dropout=True, seed=1)
    assert torch.equal(pair[1:], dropped)  # whatever is translated before
    own = model.translate(picture, own_statistics=True)
    assert not torch.equal(own, plain)
    assert torch.equal(model.translate(picture), plain)
    after = model.method.state_dict()
    for name, value in state.items():  # and nothing was learnt from it
        assert torch.equal(after[name], value), name
    with pytest.raises(UserError, match="translates ab, not 'ba'"):
        model.translate(picture, "ba")


def test_the_pool_is_resumed(data: Path, tmp_path: Path) -> None:
    """Stopped between and gone on equals uninterrupted, to the bit, pool and all."""
    options = TINY | {"data": str(data), "checkpoint_every": 4, "pool_size": 2, "decay": "none"}
    whole = reverie.train("cyclegan", out=tmp_path / "whole", **(options | {"steps": 8}))
    reverie.train("cyclegan", out=tmp_path / "half", **(options | {"steps": 4}))
    resumed = reverie.train("cyclegan", out=tmp_path / "half", resume=True, steps=8)
    last = f"checkpoints/step-{8:09d}.safetensors"
    tensors, again = (load_file(t.folder / last) for t in (whole, resumed))
    assert "method.pool_a.pictures" in tensors
    assert tensors.keys() == again.keys()
    for key, value in tensors.items():
        assert torch.equal(value, again[key]), key
    assert "pool_a.pictures" not in load_file(whole.folder / "model" / "model.safetensors")


def test_a_translator_is_evaluated_beside_doing_nothing(data: Path, run: Path) -> None:
    figures = reverie.evaluate(run, data=str(data))
    for direction in ("ab", "ba"):
        for what in ("", "doing_nothing_"):
            assert f"{what}frechet_distance[efficientnet, 8 {direction}, train]" in figures
            assert f"{what}perceptual_distance[efficientnet, 8 pairs {direction}]" in figures
            assert figures[f"{what}mean_absolute_error[8 pairs {direction}]"] > 0


def test_small_images_of_one_size_are_translated_together(
    run: Path, tmp_path: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each as it would be alone; others in between, and one that is damaged, change nothing."""
    folder = photos(12, size=(32, 32))
    (folder / "004.png").write_bytes(b"no image")
    Image.open(folder / "007.png").resize((24, 32)).save(folder / "007.png")
    counts, translate = [], Model.translate

    def counted(model: Model, some: torch.Tensor, *args: Any, **how: Any) -> torch.Tensor:
        counts.append(len(some))
        return translate(model, some, *args, **how)

    monkeypatch.setattr(Model, "translate", counted)
    made = reverie.translate(run, folder, out=tmp_path / "out", cycle="none")
    assert counts == [6, 1, 4]
    assert list(made.failed) == [str(folder / "004.png")]
    model = reverie.load(run)
    for file in made.files:
        alone = model.translate(images.to_tensor(images.read(folder / file.name)[None]))
        got = images.read(file).astype(int)
        assert np.abs(got - images.to_uint8(alone)[0]).max() <= 1


def test_images_that_depend_on_others_in_a_batch_are_translated_alone(run: Path) -> None:
    model, pictures = reverie.load(run), torch.rand(3, 3, 32, 32) * 2 - 1
    for how in ({}, {"own_statistics": True}, {"dropout": True, "seed": 4}):
        together = model.translate(pictures, **how)
        alone = torch.cat([model.translate(one, **how) for one in pictures.split(1)])
        assert (together - alone).abs().max() < 1e-5


def test_bad_requests(run: Path, data: Path, tmp_path: Path, photos: Photos) -> None:
    with pytest.raises(UserError, match="there is no such file or folder"):
        reverie.translate(run, tmp_path / "none.png", out=tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no images in this folder"):
        reverie.translate(run, tmp_path / "empty", out=tmp_path / "out")
    with pytest.raises(UserError, match="it translates images to another domain"):
        reverie.sample(run)
    digits = reverie.train("gan", out=tmp_path / "gan", data="digits", steps=0)
    with pytest.raises(UserError, match="it generates images from noise"):
        reverie.translate(digits.folder, photos(1), out=tmp_path / "out")
    measured = TINY | {"evaluate_every": 1}
    with pytest.raises(UserError, match="it translates images to another domain"):
        reverie.train("cyclegan", out=tmp_path / "x", data=str(data), **measured)
    with pytest.raises(UserError, match="residual network"):
        reverie.train("cut", out=tmp_path / "y", data=str(data), network="unet", **TINY)


def test_inputs_are_made_from_the_images_where_training_did(photos: Photos, tmp_path: Path) -> None:
    """One folder is enough to train, to evaluate, and to translate images or drawings."""
    folder = photos(6, size=(48, 40))
    out = tmp_path / "run"
    options = TINY | {"sample_every": 2}
    reverie.train("pix2pix", out=out, data=folder, pair_by="edges", network="resnet", **options)
    found = reverie.evaluate(out, data=folder, pair_by="edges").figures
    assert any("pairs ab" in name for name in found)
    model = reverie.load(out)
    whole = images.read(folder / "000.png")
    made = reverie.translate(out, [folder / "000.png"], out=tmp_path / "made", pair_by="edges")
    want = model.translate(derive(images.to_tensor(whole[None]), "edges"))
    got = images.read(made.files[0]).astype(int)
    assert np.abs(got - images.to_uint8(want)[0]).max() <= 1
