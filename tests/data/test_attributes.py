from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from reverie.core.errors import UserError
from reverie.data.attributes import read_attributes

NAMES = ("Male", "Smiling", "Eyeglasses")


def write_celeba(root: Path, values: np.ndarray, partition: list[int] | None = None) -> None:
    lines = [str(len(values)), " ".join(NAMES[: values.shape[1]])]
    for index, row in enumerate(values):
        lines.append(f"{index + 1:06d}.jpg  " + " ".join("1" if v else "-1" for v in row))
    (root / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    (root / "img_align_celeba").mkdir()
    for index in range(len(values)):
        (root / "img_align_celeba" / f"{index + 1:06d}.jpg").touch()
    if partition is not None:
        text = "".join(f"{i + 1:06d}.jpg {part}\n" for i, part in enumerate(partition))
        (root / "list_eval_partition.txt").write_text(text)


@given(hnp.arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 3))))
def test_the_list_of_celeba(tmp_path_factory: pytest.TempPathFactory, values: np.ndarray) -> None:
    root = tmp_path_factory.mktemp("celeba")
    write_celeba(root, values)
    read = read_attributes(str(root))
    assert read.names == NAMES[: values.shape[1]]
    assert len(read) == len(values)
    np.testing.assert_array_equal(read.values, values)
    assert read.files[0] == root / "img_align_celeba" / "000001.jpg"
    for column, name in enumerate(read.names):
        np.testing.assert_array_equal(read.with_attribute(name), values[:, column])


def test_splits_by_the_partition(tmp_path: Path) -> None:
    write_celeba(tmp_path, np.eye(3, dtype=bool), [0, 1, 2])
    place = str(tmp_path / "list_attr_celeba.txt")
    assert [file.name for file in read_attributes(place).files] == ["000001.jpg"]
    test = read_attributes(place, "test")  # validation and test images
    assert [file.name for file in test.files] == ["000002.jpg", "000003.jpg"]
    np.testing.assert_array_equal(test.values, np.eye(3, dtype=bool)[1:])
    assert len(read_attributes(place, "all")) == 3


def test_a_table(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").touch()
    (tmp_path / "t.csv").write_text(
        "file,hat,age,beard\na.png,1,30,yes\nb.png,0,40,No\n\nc.png,-1,50,TRUE\n", "utf-8-sig"
    )
    read = read_attributes(str(tmp_path / "t.csv"))
    assert read.names == ("hat", "beard")  # the age is no attribute
    assert read.values.tolist() == [[True, True], [False, False], [False, True]]
    assert read.files == tuple(tmp_path / f"{name}.png" for name in "abc")


def test_images_are_centre_squares(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 4:12] = 200  # the centre square
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("file,hat\na.png,1\n")
    read = read_attributes(str(tmp_path / "t.csv"))
    assert (read.read(0, 8, 3) == 200).all()
    assert read.read(0, 4, 1).shape == (4, 4, 1)


def test_what_has_no_attributes(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="attributes are read from list_attr_celeba"):
        read_attributes(str(tmp_path))
    (tmp_path / "t.csv").write_text("file,age\na.png,30\n")
    with pytest.raises(UserError, match="columns that hold 1 or 0 for every image"):
        read_attributes(str(tmp_path / "t.csv"))
    (tmp_path / "t.csv").write_text("file,hat\n")
    with pytest.raises(UserError, match="a table needs a header line and one line per image"):
        read_attributes(str(tmp_path / "t.csv"))
    (tmp_path / "list_attr_celeba.txt").write_text("1\nMale Smiling\n000001.jpg 1\n")
    with pytest.raises(UserError, match="line 3 is not that of CelebA's list"):
        read_attributes(str(tmp_path))


@pytest.mark.parametrize("content", ["", "file,hat\na.png\n"])
def test_a_damaged_table_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(UserError):
        read_attributes(str(tmp_path / "t.csv"))
