from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie import images
from reverie.core.errors import UserError
from reverie.data import Batches, DataOptions
from reverie.data.dataset import decode_dataset, find_dataset
from reverie.data.paired import find_paired
from reverie.data.sets.emoji import code_point, write_sides
from reverie.data.sets.faces import ATTRIBUTES, draw, get_faces, random_face

Photos = Callable[..., Path]


def batches(data: str, sides: str, batch_size: int = 4, **options: object) -> Batches:
    wanted = DataOptions(data=data, **options)  # type: ignore[arg-type]
    return Batches(decode_dataset(find_dataset(wanted, sides)), batch_size, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(("a", "b"), [("trainA", "trainB"), ("train_A", "train_B"), ("A", "B")])
def test_two_folders_as_published(photos: Photos, a: str, b: str) -> None:
    photos(5, f"set/{a}")
    photos(7, f"set/{b}")
    root = photos(1, "set/other").parent
    one, other = find_paired(str(root), None, "train", paired=False, swapped=False)
    assert (len(one.names), len(other.names)) == (5, 7)
    one, other = find_paired(str(root), None, "train", paired=False, swapped=True)
    assert (len(one.names), len(other.names)) == (7, 5)
    if a != "A":
        with pytest.raises(UserError, match="there are no testA and testB here"):
            find_paired(str(root), None, "test", paired=False, swapped=False)


def test_two_files_of_one_name_are_no_pair(photos: Photos) -> None:
    """One of them would be left out without a word."""
    root = photos(2, "set/trainA").parent
    photos(2, "set/trainB")
    (root / "trainA" / "001.bmp").write_bytes((root / "trainA" / "001.png").read_bytes())
    with pytest.raises(UserError, match=r"001\.bmp and .*001\.png have the same name but for"):
        find_paired(str(root), None, "train", paired=True, swapped=False)


def test_halves_have_one_fingerprint(photos: Photos) -> None:
    root = photos(3, size=(32, 16))
    found = {
        batches(str(root), "paired", image_size=16, cache=cache).images.fingerprint
        for cache in (True, False)
    }
    assert len(found) == 1


def test_sides_without_pairs_are_drawn_by_themselves(photos: Photos) -> None:
    photos(12, "set/trainA")
    root = str(photos(12, "set/trainB").parent)
    source = batches(root, "unpaired", image_size=16, channels="3")
    pictures = source.images
    assert pictures.domain_b is not None
    firsts = []
    for side, pixels in (("images", pictures.pixels), ("domain_b", pictures.domain_b.pixels)):
        assert pixels is not None
        known = images.to_tensor(pixels)
        batch = getattr(source.read(0), side)
        firsts.append([int((known - x).abs().flatten(1).sum(1).argmin()) for x in batch])
        seen = [x for n in range(3) for x in getattr(source.read(n), side)]
        order = [int((known - x).abs().flatten(1).sum(1).argmin()) for x in seen]
        assert sorted(order) == list(range(12))  # each once an epoch
    assert firsts[0] != firsts[1]


def test_pairs_keep_their_partner_through_cut_and_mirror(tmp_path: Path) -> None:
    """B is A upside down in brightness; whatever is cut and mirrored, it stays so."""
    random = np.random.default_rng(0)
    for index in range(6):
        pixels = random.integers(0, 256, (40, 40, 3), np.uint8)
        for side, values in (("A", pixels), ("B", 255 - pixels)):
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(values).save(tmp_path / side / f"{index}.png")
    source = batches(str(tmp_path), "paired", image_size=32, jitter=0.25, flip=True)
    first, again = source.read(3), source.read(3)
    assert (first.images + first.domain_b).abs().max() < 1e-6
    assert (first.images - again.images).abs().max() == 0
    assert first.images.shape == (4, 3, 32, 32)
    cuts = {tuple(source.read(n).images[0].flatten().tolist()) for n in range(12)}
    assert len(cuts) > 6  # other cuts of the same six pictures


def test_pairs_side_by_side(tmp_path: Path) -> None:
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        for index in range(3):
            left = np.full((20, 20, 3), 10 * index, np.uint8)
            Image.fromarray(np.hstack([left, 255 - left])).save(tmp_path / split / f"{index}.png")
    for options in ({}, {"split": "test"}):
        batch = batches(str(tmp_path), "paired", 3, image_size=16, **options).read(0)
        assert (batch.images + batch.domain_b).abs().max() < 1e-6
        assert batch.images.mean() < 0 < batch.domain_b.mean()
    swapped = batches(str(tmp_path), "paired", 3, image_size=16, direction="ba").read(0)
    assert swapped.images.mean() > 0 > swapped.domain_b.mean()


def test_a_damaged_image_does_not_hide_that_there_are_no_pairs(photos: Photos) -> None:
    folder = photos(3, "plain")
    (folder / "000.png").write_bytes(b"damaged")
    with pytest.raises(UserError, match="do not show A and B side by side"):
        find_paired(str(folder), None, "train", paired=False, swapped=False)


def test_what_does_not_match_is_named(photos: Photos) -> None:
    root = photos(9, "set/A").parent
    photos(2, "set/B")
    with pytest.raises(UserError, match=r"7 images without .*: 002, 003, 004, 005, 006"):
        find_paired(str(root), None, "train", paired=True, swapped=False)
    photos(9, "set/B", (60, 20))
    with pytest.raises(UserError, match=r"9 pairs of different aspect ratios: 000 \(40×32"):
        find_paired(str(root), None, "train", paired=True, swapped=False)


def test_a_missing_or_empty_side_is_said(photos: Photos, tmp_path: Path) -> None:
    root = photos(2, "set/trainA").parent
    with pytest.raises(UserError, match="trainA has no trainB"):
        find_paired(str(root), None, "train", paired=False, swapped=False)
    (root / "trainB").mkdir()
    with pytest.raises(UserError, match="no images in this folder"):
        find_paired(str(root), None, "train", paired=False, swapped=False)
    with pytest.raises(UserError, match="do not show A and B side by side"):
        find_paired(str(photos(3, "plain")), None, "train", paired=False, swapped=False)
    with pytest.raises(UserError, match="reverie data get emoji"):
        find_paired("emoji", None, "train", paired=False, swapped=False)
    two = find_paired(str(photos(3, "x")), str(photos(4, "y")), "train", paired=False, swapped=True)
    assert [len(side.names) for side in two] == [4, 3]


@pytest.mark.parametrize("policy", ["none", "width"])
def test_squares_are_cut_from_pictures_of_any_shape(photos: Photos, policy: str) -> None:
    photos(4, "set/A", (48, 64))
    root = str(photos(4, "set/B", (50, 90)).parent)
    batch = batches(root, "unpaired", image_size=24, resize=policy).read(0)
    assert batch.images.shape == batch.domain_b.shape == (4, 3, 24, 24)
    photos(4, "set/A", (64, 30))
    with pytest.raises(UserError, match="is smaller than the"):
        batches(root, "unpaired", image_size=40, resize=policy)


def test_code_points() -> None:
    assert code_point("0030-FE0F-20e3") == code_point("0030-20e3") == "0030-20e3"
    assert code_point("1f600") == "1f600"


def test_sides_hold_out_the_same_names(tmp_path: Path) -> None:
    a = {f"{n:03d}": b"a" for n in range(20)}
    b = {f"{n:03d}": b"b" for n in range(5, 25)}
    counts = write_sides(tmp_path / "set", a, b, (".webp", ".png"), test_count=4)
    assert counts == {"testA": 4, "testB": 4, "trainA": 11, "trainB": 11}
    stems = {f.name: {p.stem for p in f.iterdir()} for f in (tmp_path / "set").iterdir()}
    assert stems["testA"] == stems["testB"]
    assert not stems["trainA"] & stems["testA"]
    assert {p.name for p in tmp_path.iterdir()} == {"set"}  # nothing half-made beside it


def test_an_attribute_changes_nothing_else(tmp_path: Path) -> None:
    def pixels(face: object) -> np.ndarray:
        path = tmp_path / "face.png"
        path.write_bytes(draw(face, 64))  # type: ignore[arg-type]
        return images.read(path).astype(int)

    for number in range(6):
        face = random_face(number)
        without, wearing = (pixels(face.with_attribute("Eyeglasses", x)) for x in (False, True))
        changed = np.abs(without - wearing).max(2) > 8
        rows, _ = np.nonzero(changed)
        assert changed.any()
        assert rows.min() > 0.25 * 64
        assert rows.max() < 0.6 * 64
        assert (pixels(face) == pixels(face)).all()
    assert random_face(3).with_attribute("Male", True).attributes >= {"Male"}
    assert {a for n in range(40) for a in random_face(n).attributes} == set(ATTRIBUTES)


def test_faces_for_translation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.data.sets.faces.TEST_COUNT", 3)
    counts = get_faces(tmp_path / "faces", "Smiling", train_count=4, side=32)
    assert counts == {"trainA": 4, "trainB": 4, "testA": 3, "testB": 3}
    names = {f.name: {p.name for p in f.iterdir()} for f in (tmp_path / "faces").iterdir()}
    assert names["testA"] == names["testB"]
    assert not names["trainA"] & names["trainB"]
    assert images.size_of(next((tmp_path / "faces" / "testA").iterdir())) == (32, 32)
    with pytest.raises(UserError, match="did you mean 'Smiling'"):
        get_faces(tmp_path / "x", "Smile")
