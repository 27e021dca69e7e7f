"""Latents of pictures: sums, directions, reconstructions, walks, on a set of drawn discs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.data import DataOptions, ImageSpec, open_dataset
from reverie.data.attributes import read_attributes
from reverie.data.expressions import parse_sum
from reverie.inference.latent import edit as editing
from reverie.inference.latent.edit import (
    apply_directions,
    attribute_directions,
    latent_arithmetic,
    optimize_latents,
)
from reverie.inference.latent.files import load_encoding
from reverie.inference.latent.sheets import rows_sheet
from reverie.inference.model import Model
from reverie.methods import Method

COUNT = 240


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Discs that are Bright or not and Large or not, listed as CelebA is."""
    root = tmp_path_factory.mktemp("discs")
    (root / "img_align_celeba").mkdir()
    generator = np.random.default_rng(0)
    lines, parts = [f"{COUNT}", "Bright Large"], []
    y, x = np.mgrid[:16, :16]
    for number in range(COUNT):
        bright, large = number % 2 == 0, number % 4 < 2
        middle = generator.uniform(6, 9, 2)
        radius, shade = (6 if large else 3), (250 if bright else 120)
        disc = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 < radius**2
        pixels = np.where(disc, shade, 10).astype(np.uint8)
        Image.fromarray(pixels).save(root / "img_align_celeba" / f"{number:03d}.png")
        lines.append(f"{number:03d}.png {1 if bright else -1} {1 if large else -1}")
        parts.append(f"{number:03d}.png {2 if number < 40 else 0}")
    (root / "list_attr_celeba.txt").write_text("\n".join(lines))
    (root / "list_eval_partition.txt").write_text("\n".join(parts))
    return root


@pytest.fixture(scope="module")
def vae(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VAE of the discs that has learnt what it needs in seconds."""
    out = tmp_path_factory.mktemp("runs") / "vae"
    reverie.train(
        "vae", out=out, data=str(discs), image_size=16, latent_size=4, hidden=(128,),
        steps=1200, batch_size=32, likelihood="gaussian", learning_rate=2e-3, cache=False,
    )  # fmt: skip
    return out


class Pixels(Method):
    """A model whose latents are the pixels: what sums must give is known."""

    latent_shape = (256,)

    def __init__(self) -> None:
        super().__init__(None, ImageSpec(1, 16))
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def phases(self) -> tuple:
        return ()

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)

    def generate(self, latents: torch.Tensor, labels: Any = None) -> torch.Tensor:
        return latents.reshape(-1, 1, 16, 16)


def test_the_list_is_read_with_its_partition(discs: Path) -> None:
    train, test, whole = (read_attributes(str(discs), s) for s in ("train", "test", "all"))
    assert (len(train), len(test), len(whole)) == (200, 40, 240)
    assert whole.names == ("Bright", "Large")
    assert whole.with_attribute("Bright").sum() == 120
    options = DataOptions(data=str(discs), split="test", image_size=16, cache=False)
    assert len(open_dataset(options)) == 40


def test_a_table_has_attributes_too(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").touch()
    (tmp_path / "t.csv").write_text("file,kind,red,round\na.png,x,1,0\nb.png,y,0,1\n")
    table = read_attributes(str(tmp_path / "t.csv"))
    assert table.names == ("red", "round")
    assert table.values.tolist() == [[True, False], [False, True]]
    (tmp_path / "u.csv").write_text("file,kind\na.png,x\n")
    with pytest.raises(UserError, match="columns that hold 1 or 0"):
        read_attributes(str(tmp_path / "u.csv"))
    with pytest.raises(UserError, match="attributes are read from"):
        read_attributes(str(tmp_path))


def test_a_sum_is_that_of_its_groups_means(discs: Path) -> None:
    model, attributes = Model("pixels", "pixels", Pixels()), read_attributes(str(discs))
    terms = parse_sum("Bright & Large - 0.5 * !Bright + !Large", attributes.names)
    total = latent_arithmetic(model, attributes, terms, None, rescale=False)
    bright, large = attributes.with_attribute("Bright"), attributes.with_attribute("Large")
    pictures = torch.stack(
        [reverie.images.to_tensor(attributes.read(n, 16, 1)[None])[0] for n in range(200)]
    )
    expected = sum(
        weight * pictures[torch.from_numpy(mask)].mean(0)
        for weight, mask in ((1, bright & large), (-0.5, ~bright), (1, ~large))
    )
    torch.testing.assert_close(total.latent, expected.flatten())
    assert [one.members for one in total.terms] == [50, 100, 100]
    few = [latent_arithmetic(model, attributes, terms, 3, seed) for seed in (1, 1, 2)]
    assert torch.equal(few[0].latent, few[1].latent)
    assert not torch.equal(few[0].latent, few[2].latent)
    assert all(len(one.exemplars) == 3 for one in few[0].terms)
    assert few[0].latent.norm() == pytest.approx(16.0, abs=1e-3)  # √256
    nobody = parse_sum("Bright & !Bright", attributes.names)
    with pytest.raises(UserError, match="none of 200 images is in the group 'Bright & !Bright'"):
        latent_arithmetic(model, attributes, nobody)


def test_exemplars_are_alike(discs: Path) -> None:
    """Groups that an expression leaves mixed agree in all that it does not name."""
    model, attributes = Model("pixels", "pixels", Pixels()), read_attributes(str(discs))
    terms = parse_sum("Bright - !Bright", attributes.names)
    bright, large = attributes.with_attribute("Bright"), attributes.with_attribute("Large")
    kinds = set()
    for seed in range(8):
        alike = latent_arithmetic(model, attributes, terms, 20, seed, rescale=False)
        kinds.add(alike.first["Large"])
        assert alike.first["Bright"]
        for one, group in zip(alike.terms, (bright, ~bright), strict=True):
            same = group & (large == alike.first["Large"])  # 50 discs, of which 20 are chosen
            area = one.exemplars.clamp(min=-0.5).gt(-0.5).float().sum((1, 2, 3))
            assert len(one.exemplars) == 3
            assert ((area > 60) == alike.first["Large"]).all()
            assert one.members == group.sum() == 2 * same.sum()
    assert kinds == {True, False}
    mixed = latent_arithmetic(model, attributes, terms, 100, 0, rescale=False, choice="random")
    whole = latent_arithmetic(model, attributes, terms, None, 0, rescale=False)
    torch.testing.assert_close(mixed.latent, whole.latent)  # all members, in whatever order


def test_an_attribute_is_added_to_what_lacks_it(discs: Path) -> None:
    """The member of the first group that exemplars are like is in the subtracted group."""
    model, attributes = Model("pixels", "pixels", Pixels()), read_attributes(str(discs))
    terms = parse_sum("Bright + Large - !Large", attributes.names)
    found = [latent_arithmetic(model, attributes, terms, 5, seed) for seed in range(8)]
    assert not any(one.first["Large"] for one in found)
    assert all(one.first["Bright"] for one in found)


def test_exemplars_are_as_alike_as_their_group_allows(discs: Path) -> None:
    """Of a group that none like the first is in, the nearest are taken, more if few."""
    model, attributes = Model("pixels", "pixels", Pixels()), read_attributes(str(discs))
    terms = parse_sum("Bright & Large - !Bright & !Large", attributes.names)
    total = latent_arithmetic(model, attributes, terms, 3, 0)
    assert [one.members for one in total.terms] == [50, 50]
    terms = parse_sum("Bright - !Bright", attributes.names)
    many = latent_arithmetic(model, attributes, terms, 80, 0, rescale=False)  # 50 are alike
    other = latent_arithmetic(model, attributes, terms, 50, 0, rescale=False)
    assert not torch.allclose(many.latent, other.latent)


@pytest.mark.parametrize("kind", ["means", "classifier"])
def test_directions_move_their_attribute(discs: Path, vae: Path, kind: Any, tmp_path: Path) -> None:
    model, attributes = load_encoding(str(vae)), read_attributes(str(discs))
    directions = attribute_directions(model, attributes, kind, tmp_path / "kept.safetensors")
    assert min(one.accuracy for one in directions.values()) >= 0.85
    kept = (tmp_path / "kept.safetensors").read_bytes()
    again = attribute_directions(model, attributes, kind, tmp_path / "kept.safetensors")
    assert (tmp_path / "kept.safetensors").read_bytes() == kept
    for name, one in directions.items():
        assert torch.equal(one.vector, again[name].vector)
        assert one.accuracy == again[name].accuracy
    dark = read_attributes(str(discs), "test").read(3, 16, 1)  # dark and small
    latent = model.encode(reverie.images.to_tensor(dark[None]))
    shades = []
    for strength in (-0.5, 0.0, 0.5, 1.0, 1.5):
        moved = apply_directions(latent, directions, {"Bright": strength}, ["Large"])
        shades.append(float(model.generate(moved)[0, 0, 6:10, 6:10].mean()))
    assert shades == sorted(shades)
    assert shades[-1] > shades[0] + 0.5
    with pytest.raises(UserError, match="no attribute 'Brigth'; did you mean 'Bright'"):
        apply_directions(latent, directions, {"Brigth": 1.0})


def test_refining_brings_a_latent_nearer(discs: Path, vae: Path) -> None:
    model = load_encoding(str(vae))
    picture = reverie.images.to_tensor(read_attributes(str(discs), "test").read(0, 16, 1)[None])
    start = torch.zeros(1, 4)
    errors = [
        float(
            (model.generate(optimize_latents(model, picture, start, steps)) - picture).abs().mean()
        )
        for steps in (0, 20, 80)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_an_encoder_for_a_gan(discs: Path, tmp_path: Path, capsys: Any) -> None:
    data = {"data": str(discs), "image_size": 16, "cache": False, "batch_size": 16}
    gan = tmp_path / "gan"
    reverie.train("dcgan", out=gan, latent_size=4, width=8, steps=30, **data)
    words = ["edit", str(gan), "Bright", "--out", str(tmp_path / "s.png")]
    assert main(words) == 2
    assert "train one with reverie train encoder --init" in capsys.readouterr().err
    before = reverie.load(gan).sample(4)
    run = reverie.train(
        "encoder", out=tmp_path / "enc", init=str(gan), steps=60, width=8, pictures_after=30, **data
    )
    model = run.load()
    assert model.method.options.base_options["width"] == 8
    torch.testing.assert_close(model.sample(4), before, atol=1e-5, rtol=0)
    losses = [line["losses"] for line in _log(tmp_path / "enc")]
    assert losses[-1]["encoder/latents"] < losses[0]["encoder/latents"]
    assert main(words) == 0  # the run has an encoder now
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.width > 300
    with pytest.raises(UserError, match="GAN inversion needs a generator of dcgan, gan, cgan"):
        reverie.train("encoder", out=tmp_path / "e2", init="digits", steps=1, **data)


def test_an_encoder_for_a_conditional_gan(discs: Path, tmp_path: Path) -> None:
    """It finds what stands for the class behind the latent; its own pictures have no classes."""
    size: dict[str, Any] = {"image_size": 16, "cache": False, "batch_size": 16, "width": 8}
    gan = tmp_path / "gan"
    reverie.train("cgan", out=gan, data=_in_folders(tmp_path), latent_size=4, steps=20, **size)
    run = reverie.train(
        "encoder", out=tmp_path / "e", init=str(gan), steps=5, data=str(discs), **size
    )
    encoder, theirs = run.load().method, reverie.load(gan)
    latents = torch.randn(3, 4)
    classes = torch.tensor([1, 0, 1])
    known = theirs.method.embedding(classes)  # type: ignore[union-attr]
    made = encoder.generate(torch.cat([latents, known], 1))  # type: ignore[attr-defined]
    torch.testing.assert_close(made, theirs.method.generate(latents, classes))  # type: ignore[attr-defined]
    assert encoder.encode(made).shape == (3, 4 + 32)  # type: ignore[attr-defined]
    assert (
        main(["edit", str(gan), "Bright", "--data", str(discs), "--out", str(tmp_path / "s.png")])
        == 0
    )


def _in_folders(tmp_path: Path) -> str:
    for name, grey in (("dark", 20), ("light", 220)):
        (tmp_path / "classes" / name).mkdir(parents=True)
        for number in range(8):
            place = tmp_path / "classes" / name / f"{number}.png"
            Image.new("L", (16, 16), grey + number).save(place)
    return str(tmp_path / "classes")


def test_kept_directions_are_renewed(
    discs: Path, vae: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read as long as the weights and the set are those they were learnt with."""
    encoded = []
    seen = editing.encode_images
    monkeypatch.setattr(editing, "encode_images", lambda *a: encoded.append(a) or seen(*a))
    model, attributes = load_encoding(str(vae)), read_attributes(str(discs))
    kept = tmp_path / "kept.safetensors"
    for times in (1, 1):
        attribute_directions(model, attributes, "means", kept)
        assert len(encoded) == times
    fewer = read_attributes(str(discs), "test")
    before = attribute_directions(model, fewer, "means", kept)
    assert len(encoded) == 2
    for weight in model.method.parameters():
        weight.mul_(1.1)
    after = attribute_directions(model, fewer, "means", kept)
    assert len(encoded) == 3
    assert not torch.equal(before["Bright"].vector, after["Bright"].vector)


def _log(folder: Path) -> list[dict[str, Any]]:
    from reverie.runs.run import Run

    return Run(folder).read_log()


def test_commands(discs: Path, vae: Path, tmp_path: Path, capsys: Any) -> None:
    picture = str(discs / "img_align_celeba" / "003.png")
    out = tmp_path / "out.png"
    edit = ["edit", str(vae), "--image", picture, "--out", str(out), "--refine", "5", "--overwrite"]
    assert main([*edit, "--add", "Bright=1.0", "Large=-0.5"]) == 0
    assert "reconstructed with an error of" in capsys.readouterr().out
    assert main([*edit, "--sweep", "Bright", "Large", "--leave", "Large"]) == 0
    assert main(["reconstruct", str(vae), picture, "--out", str(out), "--overwrite"]) == 0
    assert "mean absolute error" in capsys.readouterr().out
    way = ["interpolate", str(vae), "--out", str(tmp_path / "walk.gif"), "--frames", "7"]
    way += ["--overwrite"]
    assert main([*way, "--seeds", "1", "2", "3", "--loop"]) == 0
    with Image.open(tmp_path / "walk.gif") as film:
        assert film.n_frames == 7  # type: ignore[attr-defined]
    folder = ["interpolate", str(vae), "--out", str(tmp_path / "walk"), "--frames", "3"]
    assert main([*folder, "--images", picture, picture.replace("003", "004")]) == 0
    assert len(list((tmp_path / "walk").iterdir())) == 3
    for words, said in (
        ([*edit], "say what to change"),
        ([*edit, "--add", "Bright=much"], "a strength is a number"),
        ([*edit, "--add", "Brite"], "no attribute 'Brite'"),
        (["edit", str(vae)], "give one expression in quotes"),
        (["edit", str(vae), "Bright", "--add", "Large"], "name it with --image"),
        (["edit", str(vae), "Bright & Lrge"], "no attribute 'Lrge'"),
        (["edit", "digits", "Bright", "--data", str(discs)], "no model that encodes images"),
        ([*way, "--seeds", "1"], "two latents or more"),
        ([*way, "--plane"], "--plane needs a latent of shape (2,)"),
    ):
        assert main(words) == 2, words
        assert said in capsys.readouterr().err


def test_interpolation_samples_as_asked(tmp_path: Path, vae: Path, capsys: Any) -> None:
    made = {}
    for name, more in (
        ("plain", []),
        ("guided", ["--guidance", "2"]),
        ("karras", ["--schedule", "karras"]),
    ):
        words = ["interpolate", "digits", "--seeds", "1", "2", "--frames", "2", "--label", "3"]
        assert main([*words, "--steps", "3", *more, "--out", str(tmp_path / name)]) == 0
        made[name] = (tmp_path / name / "00000.png").read_bytes()
    assert len(set(made.values())) == 3
    words = ["interpolate", str(vae), "--seeds", "1", "2", "--out", str(tmp_path / "vae.gif")]
    assert main([*words, "--guidance", "2"]) == 2
    assert "guidance is for diffusion models" in capsys.readouterr().err


def test_a_sheet_shows_rectangles_in_their_shape() -> None:
    wide = torch.full((1, 12, 24), -1.0)
    sheet = rows_sheet([[wide]], ["image"], [])
    dark = np.argwhere(sheet.max(2) == 0)
    height, width = dark.max(0) - dark.min(0) + 1
    assert (height, width) == (48, 96)


def test_directions_of_a_run_that_may_only_be_read_are_not_kept(
    vae: Path, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(editing, "write_atomic", refuse)
    model, attributes = load_encoding(str(vae)), read_attributes(str(discs))
    kept = tmp_path / "directions.safetensors"
    assert set(attribute_directions(model, attributes, kept=kept)) == {"Bright", "Large"}
    assert not kept.exists()
