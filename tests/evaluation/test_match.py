import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie.cli.main import main
from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.evaluation.match import assign, similarities


@pytest.fixture
def domains(tmp_path: Path) -> tuple[Path, Path]:
    """Drawings, and the same under other names in other colours, one of them damaged."""
    rng = np.random.default_rng(0)
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    b.mkdir()
    for number in range(6):
        cells = rng.integers(0, 2, (4, 4, 3)) * 255
        pixels = cells.astype(np.uint8).repeat(16, 0).repeat(16, 1)
        Image.fromarray(pixels).save(a / f"{number}.png")
        Image.fromarray(pixels // 2 + 40).resize((80, 80)).save(b / f"{5 - number} of b.png")
    (a / "damaged.png").write_bytes(b"nothing")
    return a, b


@pytest.mark.filterwarnings("ignore")
def test_the_drawings_of_two_folders_find_each_other(domains: tuple[Path, Path], tmp_path: Path):
    out = tmp_path / "pairs"
    found = reverie.match(*domains, out=out, keep=1.0)
    assert found.pairs == 6
    assert found.left_out == 0
    rows = list(csv.DictReader((out / "pairs.csv").read_text().splitlines()))
    assert {(row["a"], row["b"]) for row in rows} == {
        (f"{n}.png", f"{5 - n} of b.png") for n in range(6)
    }
    values = [float(row["similarity"]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(found.similarity["most alike"], abs=1e-4)
    first = rows[0]["pair"] + ".png"
    for side, folder in zip("AB", domains, strict=True):
        written = image_io.read(out / f"train{side}" / first)
        assert np.array_equal(written, image_io.read(folder / rows[0][side.lower()]))
    assert image_io.size_of(out / "pairs.png")[0] > 12 * 64


def test_its_pairs_train_a_paired_translator(domains: tuple[Path, Path], tmp_path: Path, capsys):
    out = tmp_path / "the pairs"
    assert main(["match", *map(str, domains), "--out", str(out), "--keep", "0.5"]) == 0
    said = capsys.readouterr().out
    assert "3 pairs" in said
    assert "3 less alike left out" in said
    assert "pix2pix --data '" in said
    run = tmp_path / "run"
    words = ["--steps", "1", "--width", "4", "--discriminator-width", "4", "--image-size", "32"]
    words += ["--batch-size", "1", "--no-cache"]
    assert main(["train", "pix2pix", "--data", str(out), "--out", str(run), *words]) == 0


def test_a_folder_that_exists_is_not_written_to(domains: tuple[Path, Path], tmp_path: Path):
    with pytest.raises(UserError, match="exists: name another folder"):
        reverie.match(*domains, out=tmp_path)


def test_pairs_of_other_proportions_become_squares(tmp_path: Path):
    a, b = tmp_path / "a", tmp_path / "b"
    for folder, size in ((a, (40, 30)), (b, (50, 60))):
        folder.mkdir()
        Image.linear_gradient("L").convert("RGB").resize(size).save(folder / "x.png")
    reverie.match(a, b, out=tmp_path / "pairs")
    written = [tmp_path / "pairs" / f"train{side}" / "00000.png" for side in "AB"]
    sizes = [image_io.size_of(file) for file in written]
    assert sizes == [(30, 30), (50, 50)]


def test_the_assignment_has_the_largest_sum(generator: torch.Generator):
    similarity = torch.rand(4, 6, generator=generator)
    rows, columns = assign(similarity)
    assert rows.tolist() == [0, 1, 2, 3]
    assert len(set(columns.tolist())) == 4
    best = max(
        sum(similarity[i, j].item() for i, j in enumerate(chosen))
        for chosen in itertools.permutations(range(6), 4)
    )
    assert similarity[rows, columns].sum().item() == pytest.approx(best)


def test_what_a_domain_has_in_common_does_not_count(generator: torch.Generator):
    features = [torch.randn(5, 8, generator=generator) for _ in range(2)]
    style = [torch.randn(8, generator=generator) for _ in range(2)]
    moved = [f + 10 * s for f, s in zip(features, style, strict=True)]
    found = similarities(features, moved)
    assert torch.allclose(found.diagonal(), torch.ones(5), atol=1e-5)
    centred = [f - f.mean(0) for f in features]
    one = [torch.cosine_similarity(f[0], f[1], dim=0) for f in centred]
    assert found[0, 1].item() == pytest.approx(sum(one).item() / 2, abs=1e-5)
