import errno
import gzip
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core.errors import UserError
from reverie.data import DataOptions, find_source, open_dataset

Photos = Callable[..., Path]


def write_idx(path: Path, values: np.ndarray) -> None:
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    content = header + values.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def test_digits_are_divided_without_overlap() -> None:
    train, test = find_source("digits", "train"), find_source("digits", "test")
    assert (len(train.names), len(test.names)) == (8000, 2000)
    assert train.pixels is not None
    assert test.pixels is not None
    seen = {p.tobytes() for p in train.pixels}
    assert sum(p.tobytes() in seen for p in test.pixels) == 0
    assert np.bincount(test.labels).min() > 150


def test_a_folder_is_read_with_all_below_it(photos: Photos) -> None:
    folder = photos(3)
    photos(2, "photos/deeper/still")
    (folder / ".hidden.png").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    source = find_source(str(folder))
    assert len(source.names) == 5
    assert source.labels is None


def test_class_folders_give_labels(photos: Photos, tmp_path: Path) -> None:
    photos(2, "animals/dogs")
    photos(3, "animals/cats/white")
    source = find_source(str(tmp_path / "animals"))
    assert source.class_names == ("cats", "dogs")
    assert source.labels.tolist() == [0, 0, 0, 1, 1]


def test_a_table_names_classes(photos: Photos) -> None:
    folder = photos(3)
    table = folder / "labels.csv"
    table.write_text("file,size,colour\n000.png,10,red\n002.png,2,blue\n001.png,10,red\n")
    source = find_source(str(table), label_column="size")
    assert source.names == ["000.png", "002.png", "001.png"]
    assert source.class_names == ("2", "10")
    assert source.labels.tolist() == [1, 0, 1]
    assert find_source(str(table)).labels is None
    with pytest.raises(UserError, match="did you mean 'colour'"):
        find_source(str(table), label_column="color")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\n", "needs a header line"),
        ("file,label\n000.png\n", "line 2 does not have 2 columns"),
        ("file,label\n000.png,1\nnone.png,2\n", r"1 of 2 images missing.*none\.png"),
    ],
)
def test_a_bad_table_is_refused(photos: Photos, text: str, message: str) -> None:
    table = photos(1) / "labels.csv"
    table.write_text(text)
    with pytest.raises(UserError, match=message):
        find_source(str(table))


def test_celeba_as_published(photos: Photos, tmp_path: Path) -> None:
    photos(3, "celeba/img_align_celeba")
    root = tmp_path / "celeba"
    lines = ["000.png -1  1", "001.png  1  1", "002.png  1 -1"]
    (root / "list_attr_celeba.txt").write_text("\n".join(["3", "Male Young", *lines, ""]))
    source = find_source(str(root), label_column="Male")
    assert source.class_names == ("-1", "1")
    assert source.labels.tolist() == [0, 1, 1]
    assert len(find_source(str(root / "list_attr_celeba.txt")).names) == 3
    with pytest.raises(UserError, match="Young"):
        find_source(str(root), label_column="Yung")
    shutil.rmtree(root / "img_align_celeba")
    with pytest.raises(UserError, match="img_align_celeba is missing"):
        find_source(str(root))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_files(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 28, 28), np.uint8)
    write_idx(tmp_path / f"train-images-idx3-ubyte{suffix}", pixels)
    write_idx(tmp_path / f"train-labels-idx1-ubyte{suffix}", np.array([0, 1, 2, 1, 0], np.uint8))
    write_idx(tmp_path / f"t10k-images-idx3-ubyte{suffix}", pixels[:2])
    source = find_source(str(tmp_path))
    np.testing.assert_array_equal(source.pixels[..., 0], pixels)
    assert source.labels.tolist() == [0, 1, 2, 1, 0]
    test = find_source(str(tmp_path), "test")
    assert len(test.names) == 2
    assert test.labels is None
    alone = find_source(str(tmp_path / f"train-images-idx3-ubyte{suffix}"))
    assert alone.class_names == ("0", "1", "2")


def test_a_damaged_idx_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    write_idx(path, np.zeros((5, 28, 28), np.uint8))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="it is truncated"):
        find_source(str(tmp_path))
    path.write_bytes(b"\0")
    with pytest.raises(UserError, match="cannot be read"):
        find_source(str(tmp_path))


def test_labels_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", np.zeros((5, 28, 28), np.uint8))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(4, np.uint8))
    with pytest.raises(UserError, match="do not belong together"):
        find_source(str(tmp_path))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no images in this folder"):
        find_source(str(tmp_path))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'digits'"):
        find_source("digit")
    (tmp_path / "one.png").write_bytes(b"x")
    with pytest.raises(UserError, match="give the folder"):
        find_source(str(tmp_path / "one.png"))


def test_odd_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "fifo.csv")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    places = {
        "": "no name of a file or folder",
        "/dev/zero": "/dev/zero: this is neither a file nor a folder",
        f"{tmp_path}/fifo": "this is neither a file nor a folder",
        f"{tmp_path}/fifo.csv": "this is neither a file nor a folder",
        f"{tmp_path}/loop": "there is no folder or file",
        f"{tmp_path}/gone": "there is no folder or file",
        f"{tmp_path}/{'x' * 300}": "this name is too long for a file",
        "a\0b": "no name of a file or folder",
        "~nobody-of-this-name/x": "there is no folder or file",
        " ": "there is no folder or file",
    }
    for place, message in places.items():
        with pytest.raises(UserError, match=message):
            find_source(place)
    with pytest.raises(UserError, match="no dataset is given"):
        open_dataset(DataOptions(data=""))


def test_what_is_no_image_file_is_passed_over(photos: Photos) -> None:
    folder = photos(2)
    os.mkfifo(folder / "fifo.png")
    (folder / "folder.png").mkdir()
    (folder / "dead.png").symlink_to(folder / "nothing.png")
    (folder / "loop").symlink_to(folder)
    assert find_source(str(folder)).names == ["000.png", "001.png"]


def test_folders_that_may_not_be_read_are_said(
    photos: Photos, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(2, "set/b")
    folder = photos(2, "set/a").parent
    real, closed = os.scandir, "set/a"

    def scan(place: str | Path) -> object:
        if str(place).endswith(closed):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
        return real(place)

    monkeypatch.setattr(os, "scandir", scan)
    for cache in (True, False):
        dataset = open_dataset(DataOptions(data=str(folder), image_size=8, cache=cache))
        assert len(dataset) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "1 of 3 images damaged and skipped: a; `reverie data check` lists" in said
    closed = "set"
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(()))
    with pytest.raises(UserError, match=r"set: the folder cannot be opened \(Permission denied\)"):
        find_source(str(folder))


def test_names_of_any_kind(tmp_path: Path) -> None:
    names = ["[bold]", "a\nb", " ", "-x", "é" * 100, os.fsdecode(b"\xff\xfe"), "<b>", "10", "2"]
    for name in names:
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), "red").save(tmp_path / name / "x.png")
    source = find_source(str(tmp_path))
    assert source.class_names == tuple(sorted(names))
    dataset = open_dataset(DataOptions(data=str(tmp_path), image_size=8))
    assert dataset.labels is not None
    assert dataset.labels.tolist() == list(range(len(names)))
    assert open_dataset(DataOptions(data=str(tmp_path), image_size=8)).pixels is not None
