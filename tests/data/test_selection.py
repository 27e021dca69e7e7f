from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import reverie
from reverie.core.errors import UserError
from reverie.data import DataOptions, find_source, open_dataset
from reverie.data.dataset import find_dataset
from reverie.data.selection import part_of, properties, select
from reverie.data.source import of_pixels

MEN = [True, True, False, False, True, False]
GLASSES = [True, False, True, False, True, True]


@pytest.fixture
def celeba(tmp_path: Path) -> Path:
    """Six images in CelebA's layout, the last two of which are the test split."""
    root = tmp_path / "celeba"
    (root / "img_align_celeba").mkdir(parents=True)
    lines = ["6", "Male Eyeglasses"]
    for n, (man, glasses) in enumerate(zip(MEN, GLASSES, strict=True)):
        pixels = np.full((8, 8, 3), 40 * n, np.uint8)
        Image.fromarray(pixels).save(root / "img_align_celeba" / f"{n}.png")
        lines.append(f"{n}.png {1 if man else -1} {1 if glasses else -1}")
    (root / "list_attr_celeba.txt").write_text("\n".join(lines))
    splits = [f"{n}.png {0 if n < 4 else 2}" for n in range(6)]
    (root / "list_eval_partition.txt").write_text("\n".join(splits))
    return root


@pytest.fixture
def animals(photos: Callable[..., Path]) -> Path:
    """Class folders: five cats, three dogs, two golden fish."""
    for name, count in (("cat", 5), ("dog", 3), ("golden fish", 2)):
        photos(count, f"animals/{name}")
    return photos(0, "animals")


def chosen(celeba: Path, expression: str, split: str = "all") -> list[str]:
    return list(select(find_source(str(celeba), split), expression, "where", "celeba").names)


def test_attributes_of_celeba(celeba: Path) -> None:
    assert chosen(celeba, "Male & !Eyeglasses") == ["1.png"]
    assert chosen(celeba, "Male & Eyeglasses") == ["0.png", "4.png"]
    assert chosen(celeba, "!Male | Eyeglasses") == ["0.png", "2.png", "3.png", "4.png", "5.png"]
    assert chosen(celeba, "Eyeglasses", "train") == ["0.png", "2.png"]  # the test part is held out
    assert chosen(celeba, "Eyeglasses", "test") == ["4.png", "5.png"]


def test_classes(animals: Path) -> None:
    source = find_source(str(animals))
    cats = select(source, "cat", "where", "animals")
    assert len(cats.names) == 5
    assert cats.class_names == ("cat",)
    others = select(source, "dog | 'golden fish'", "where", "animals")
    assert others.class_names == ("dog", "golden fish")
    assert others.labels is not None
    assert others.labels.tolist() == [0, 0, 0, 1, 1]
    assert select(source, '!"golden fish" & !dog', "where", "animals").names == cats.names


def test_classes_of_digits() -> None:
    source = find_source("digits")
    odd = select(source, "1 | 3 | 5 | 7 | 9", "where", "digits")
    assert odd.class_names == ("1", "3", "5", "7", "9")
    assert source.labels is not None
    assert len(odd.names) == int((source.labels % 2).sum())
    assert odd.pixels is not None
    assert odd.native_size == 28
    images = open_dataset(DataOptions(data="digits", where="!0"))
    assert images.spec.class_names == tuple("123456789")


def test_columns_and_labels_of_a_table(photos: Callable[..., Path]) -> None:
    folder = photos(4)
    rows = ["000.png,yes,red", "001.png,no,blue", "002.png,yes,blue", "003.png,no,red"]
    (folder / "t.csv").write_text("\n".join(["file,round,colour", *rows]))
    source = find_source(str(folder / "t.csv"), label_column="colour")
    assert list(properties(source)) == ["blue", "red", "round"]
    assert select(source, "round & blue", "where", "t.csv").names == ["002.png"]


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 2**32 - 1))
def test_a_part_is_the_rows_of_its_mask(mask: list[bool], seed: int) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (len(mask), 4, 4, 1), np.uint8)
    labels = random.integers(0, 3, len(mask))
    source = of_pixels("x", pixels, labels, ("a", "b", "c"))
    part = part_of(source, np.array(mask))
    kept = np.flatnonzero(mask)
    assert [part.read(i, None).tolist() for i in range(len(kept))] == pixels[kept].tolist()
    assert part.labels is not None
    names = [part.class_names[label] for label in part.labels]
    assert names == ["abc"[label] for label in labels[kept]]
    assert set(part.class_names) == set(names)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("Eyeglases", r"no attribute 'Eyeglases'; did you mean 'Eyeglasses'\?\n  Eyeglases\n  \^"),
        ("Male & ", r"expected the name of an attribute, not the end.*\n.*\n {8}\^"),
        ("Male Eyeglasses", r"expected & or \| before 'Eyeglasses'"),
        ("(Male", "parenthesis is not closed"),
        ("Male + Eyeglasses", r"expected & or \| before '\+'"),
        ("Male & !Male", r"--where 'Male & !Male': none of the 4 images of \S+ \(split train\)"),
        ("", "expected the name of an attribute, not the end"),
    ],
)
def test_what_is_wrong_is_pointed_at(celeba: Path, expression: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_dataset(DataOptions(data=str(celeba), where=expression))


def test_what_has_neither(photos: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"--where chooses images by .*photos has none"):
        find_dataset(DataOptions(data=str(photos()), where="Male"))


def test_two_domains(celeba: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"data": str(celeba), "domain_a": "Male & !Eyeglasses", "domain_b": "Eyeglasses"}
    found = find_dataset(DataOptions(**options), "unpaired")
    assert found.other is not None
    assert (found.source.names, found.other.names) == (["1.png"], ["0.png", "2.png"])
    assert "domain A: 1 image, domain B: 2" in capsys.readouterr().err
    swapped = find_dataset(DataOptions(**options, direction="ba"), "unpaired")
    assert swapped.source.names == found.other.names
    test = find_dataset(DataOptions(**options | {"domain_a": "Male"}, split="test"), "unpaired")
    assert test.source.names == ["4.png"]
    both = DataOptions(**options | {"domain_a": "!Eyeglasses"}, where="Male")
    assert find_dataset(both, "unpaired").source.names == ["1.png"]


def test_domains_that_do_not_go_together(celeba: Path) -> None:
    data = str(celeba)
    for options, sides, message in (
        ({"domain_a": "Male"}, "unpaired", "--domain-a and --domain-b are given together"),
        ({"domain_a": "Male", "domain_b": "!Male"}, "paired", "translation without pairs"),
        ({"domain_a": "Male", "domain_b": "!Male"}, "one", "--where chooses images"),
        ({"domain_a": "Male", "domain_b": "!Male", "data_b": data}, "unpaired", "not by both"),
        ({"where": "Male", "data_b": data}, "unpaired", "use --domain-a and --domain-b"),
    ):
        with pytest.raises(UserError, match=message):
            find_dataset(DataOptions(data=data, **options), sides)


def test_a_translator_is_trained_resumed_and_evaluated(animals: Path, tmp_path: Path) -> None:
    domains = {"domain_a": "cat", "domain_b": "dog"}
    small = {"width": 4, "discriminator_width": 4, "blocks": 1, "image_size": 32, "batch_size": 1}
    data = {"data": str(animals), **domains}
    run = reverie.train("cyclegan", out=tmp_path / "run", steps=1, **data, **small)
    assert reverie.train("cyclegan", out=run.folder, resume=True, steps=2).steps == 2
    with pytest.raises(UserError, match="--domain-a cat, not dog"):
        reverie.train("cyclegan", out=run.folder, resume=True, domain_a="dog")
    figures = reverie.evaluate(run.folder, data=str(animals), features="digits", **domains).figures
    assert any("3 ab" in name or "5 ab" in name for name in figures)


def test_a_generator_of_one_class(animals: Path, tmp_path: Path) -> None:
    run = reverie.train(
        "cgan", out=tmp_path / "run", data=str(animals), where="cat | dog", steps=1,
        batch_size=2, width=4, latent_size=4, image_size=16,
    )  # fmt: skip
    assert run.load().method.spec.class_names == ("cat", "dog")
