import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core.errors import UserError
from reverie.data import DataOptions, find_source, open_dataset
from reverie.data.attributes import read_attributes
from reverie.data.tables import read_table
from tests.fuzzing import assert_only_user_errors, damaged_bytes, named, rounds

Photos = Callable[..., Path]


def test_absolute_names(photos: Photos, tmp_path: Path) -> None:
    """The fingerprint is that of the images, wherever they are and however they are reached."""
    photos(2, "all/images/a")
    photos(2, "all/images/b")

    def opened(folder: Path, relative: str | None = None) -> str:
        files = [folder / "images" / name for name in ("a/000.png", "b/001.png")]
        shown = [os.path.relpath(f, relative and folder / relative) for f in files]
        table = folder / "labels.csv"
        rows = [f"{one},{n}" for n, one in enumerate(shown if relative else files)]
        table.write_text("\n".join(["file,kind", *rows]))
        dataset = open_dataset(DataOptions(data=str(table), image_size=8))
        assert dataset.labels is not None
        assert dataset.labels.tolist() == [0, 1]
        return dataset.fingerprint

    first = opened(tmp_path / "all")
    assert opened(tmp_path / "all", ".") == first
    shutil.move(tmp_path / "all", tmp_path / "moved")
    assert opened(tmp_path / "moved") == first
    (tmp_path / "link").symlink_to(tmp_path / "moved")
    assert opened(tmp_path / "link") == first
    (tmp_path / "link" / "labels.csv").write_text(
        f"file,kind\n{tmp_path}/moved/images/a/000.png,0\n{tmp_path}/moved/images/b/001.png,1\n"
    )
    table = tmp_path / "link" / "labels.csv"
    assert open_dataset(DataOptions(data=str(table), image_size=8)).fingerprint == first


def test_absolute_names_outside_of_the_tables_folder(photos: Photos, tmp_path: Path) -> None:
    def opened(name: str) -> str:
        folder = photos(2, f"{name}/images")
        table = tmp_path / "labels.csv"
        table.write_text("file,kind\n" + "".join(f"{folder}/00{n}.png,{n}\n" for n in range(2)))
        (tmp_path / "tables").mkdir(exist_ok=True)
        moved = shutil.move(table, tmp_path / "tables" / "labels.csv")
        return open_dataset(DataOptions(data=str(moved), image_size=8)).fingerprint

    assert opened("one") == opened("two")


def test_windows_separators(photos: Photos, tmp_path: Path) -> None:
    photos(1, "set/white/cats")
    table = tmp_path / "set" / "labels.csv"
    table.write_text("file,kind\r\nwhite\\cats\\000.png,cat\r\n")
    assert find_source(str(table)).names == ["white/cats/000.png"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,kind\né.png,1\n".encode("latin-1"), r"line 2 is not text in UTF-8: .*iconv"),
        ("file,kind\n000.png,1\n".encode("utf-16"), "line 1 is not text in UTF-8"),
        ("file,kind\n000.png,1\n".encode("utf-16-le"), "it has null characters"),
        (b"file,kind\n000.png,\0\n", "it has null characters"),
        (b"file,kind\n000.png," + b"x" * 140_000, r"line 2 cannot be read \(field larger than"),
        (b"file,kind,kind\n000.png,1,2\n", "two columns are called 'kind'"),
        (b"file,kind\n000.png,1,2\n", "line 2 does not have 2 columns"),
        (b'file,kind\n"000.png,1\n000.png,2\n', "line 3 does not have 2 columns"),
        (b"file,kind\n,1\n", "1 of 1 image missing"),
        (b"file,kind\n../photos,1\n", "1 of 1 image missing"),
        (b"file,kind\n/dev/zero,1\n", "1 of 1 image missing, first /dev/zero"),
        (b"file,kind\nC:\\images\\000.png,1\n", "1 of 1 image missing"),
        (b"file,kind\n" + b"x" * 5000 + b",1\n", "1 of 1 image missing"),
        (b"file;kind\n000.png;1\n", "1 of 1 image missing, first .*000.png;1"),
        (b"", "needs a header line"),
        (b"\xef\xbb\xbf", "needs a header line"),
        (b"file,kind\n\n\n", "needs a header line"),
    ],
)
def test_tables_that_cannot_be_read(photos: Photos, content: bytes, message: str) -> None:
    table = photos(1) / "labels.csv"
    table.write_bytes(content)
    with pytest.raises(UserError, match=message):
        find_source(str(table))
    with pytest.raises(UserError):
        read_attributes(str(table))


def test_odd_but_readable(photos: Photos) -> None:
    table = photos(2) / "labels.csv"
    table.write_bytes('\ufefffile, kind \r\n\r\n"000.png","a,\nb"\r\n001.png,nan'.encode())
    assert read_table(table) == (["file", "kind"], [["000.png", "a,\nb"], ["001.png", "nan"]])
    assert find_source(str(table)).class_names == ("a,\nb", "nan")


def test_a_table_that_is_too_large(photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    table = photos(1) / "labels.csv"
    table.write_text("file,kind\n000.png,1\n")
    monkeypatch.setattr("reverie.data.tables.LARGEST", 10)
    with pytest.raises(UserError, match="tables of more than 10 bytes are not read"):
        find_source(str(table))


@pytest.fixture
def celeba(photos: Photos, tmp_path: Path) -> Path:
    photos(4, "celeba/img_align_celeba")
    root = tmp_path / "celeba"
    rows = ["000.png -1  1", "001.png  1  1", "002.png  1 -1", "003.png  1 -1"]
    (root / "list_attr_celeba.txt").write_text("\n".join(["4", "Male Young", *rows, ""]))
    (root / "list_eval_partition.txt").write_text("000.png 0\n001.png 1\n002.png 2\n003.png 0\n")
    return root


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_bytes(text.replace(before, after).encode())


def test_other_ends_of_lines_and_columns(celeba: Path) -> None:
    for file, (before, after) in {
        "list_attr_celeba.txt": ("\n", "\r\n"),
        "list_eval_partition.txt": (" ", "\t"),
    }.items():
        change(celeba / file, before, after)
    assert find_source(str(celeba), "test").names == ["001.png", "002.png"]
    assert read_attributes(str(celeba)).values.tolist() == [[False, True], [True, False]]


def test_what_is_harmless_is_said(celeba: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(celeba / "list_attr_celeba.txt", "4\nMale", "202599\nMale")
    change(celeba / "list_eval_partition.txt", "003.png 0\n", "")
    assert find_source(str(celeba)).names == ["000.png"]
    said = " ".join(capsys.readouterr().err.split())
    assert "it says 202599 images and has 4" in said
    assert "1 of 4 images in no split and left out, first 003.png" in said


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        ("list_attr_celeba.txt", "1  1\n", "1  1  1\n", "line 3 is not that of CelebA's list"),
        ("list_attr_celeba.txt", "000.png -1", "000.png", "line 3 is not that of CelebA's list"),
        ("list_attr_celeba.txt", "000.png -1", "000.png yes", "line 3 is not that of CelebA's"),
        ("list_attr_celeba.txt", "4\nMale", "Male", "not CelebA's list of attributes: the number"),
        ("list_attr_celeba.txt", "Young", "Male", "not CelebA's list of attributes"),
        ("list_attr_celeba.txt", "000", "\0", "null characters"),
        ("list_eval_partition.txt", "001.png 1", "001.png", "line 2 is not a file name and 0, 1"),
        ("list_eval_partition.txt", "001.png 1", "001.png 3", "line 2 is not a file name"),
        ("list_eval_partition.txt", "001.png 1", "001.png 1 1", "line 2 is not a file name"),
    ],
)
def test_damaged_lists(celeba: Path, file: str, before: str, after: str, message: str) -> None:
    change(celeba / "list_eval_partition.txt", "002.png 2", "002.png 0")
    change(celeba / file, before, after)
    for read in (find_source, read_attributes):
        with pytest.raises(UserError, match=message):
            read(str(celeba))


def test_images_that_are_missing(celeba: Path) -> None:
    (celeba / "img_align_celeba" / "002.png").unlink()
    assert len(find_source(str(celeba)).names) == 2  # it is in another split
    for read in (find_source, read_attributes):
        with pytest.raises(UserError, match="1 of 2 images missing"):
            read(str(celeba), "test")


def test_an_empty_split(celeba: Path) -> None:
    (celeba / "list_eval_partition.txt").write_text("".join(f"00{n}.png 0\n" for n in range(4)))
    for read in (find_source, read_attributes):
        with pytest.raises(UserError, match="there are no images of the split 'test'"):
            read(str(celeba), "test")
    with pytest.raises(UserError, match="no split 'tset'; did you mean 'test'"):
        find_source(str(celeba), "tset")


def test_a_fifo_is_no_list(celeba: Path) -> None:
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        (celeba / name).unlink()
        os.mkfifo(celeba / name)
    assert find_source(str(celeba)).kind == "folder"


@rounds(150, 3_000)
@pytest.mark.parametrize("name", ["list_attr_celeba.txt", "list_eval_partition.txt"])
def test_fuzzed_lists(celeba: Path, name: str, count: int, seed: int) -> None:
    def read(path: Path) -> None:
        source = find_source(str(celeba), label_column="Male")
        assert source.labels is not None
        assert len(source.labels) == len(source.names) > 0

    inputs = named(celeba / name, damaged_bytes((celeba / name).read_bytes(), count, seed))
    assert_only_user_errors(read, inputs)
    inputs = named(celeba / name, damaged_bytes((celeba / name).read_bytes(), count, seed + 9))
    assert_only_user_errors(lambda path: read_attributes(str(celeba)).values.sum(), inputs)


@rounds(300, 3_000)
def test_fuzzed_tables(photos: Photos, count: int, seed: int) -> None:
    table = photos(3) / "labels.csv"
    content = b'file,hat,kind\n000.png,1,"a ""b"""\n001.png,0,c\r\n./002.png,1,3.5\n'

    def read(path: Path) -> None:
        source = find_source(str(path), label_column=["kind", "hat"][os.path.getsize(path) % 2])
        assert source.labels is not None
        assert np.bincount(source.labels).sum() == len(source.names) > 0

    assert_only_user_errors(read, named(table, damaged_bytes(content, count, seed)))
    inputs = named(table, damaged_bytes(content, count, seed + 9))
    assert_only_user_errors(lambda path: read_attributes(str(path)), inputs)


def test_a_table_without_a_header_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        Image.new("L", (4, 4)).save(tmp_path / f"{name}.png")
    (tmp_path / "t.csv").write_text("a.png,cat\nb.png,dog\n")
    with pytest.raises(UserError, match=r"the first line names an image, a\.png"):
        find_source(str(tmp_path / "t.csv"))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_metadata_of_a_folder(
    photos: Photos, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photos(4)
    rows = [(f"{i:03d}.png", "ab"[i % 2], f"text, {i}", i > 1) for i in (3, 2, 1)]
    rows.append(("gone.png", "a", "", True))
    if form == "csv":
        lines = ["label,file_name,text,Smiling"]
        lines += [f'{label},{name},"{text}",{yes}' for name, label, text, yes in rows]
    else:
        keys = ("file_name", "label", "text", "Smiling")
        records = [dict(zip(keys, row, strict=True)) | {"objects": {"box": []}} for row in rows]
        lines = [json.dumps(record) for record in records]
    (folder / f"metadata.{form}").write_text("\n".join(lines) + "\n")
    source = find_source(str(folder))
    assert source.names == ["001.png", "002.png", "003.png"]
    assert source.class_names == ("a", "b")
    assert source.labels is not None
    assert source.labels.tolist() == [1, 0, 1]
    assert source.attributes["Smiling"].tolist() == [False, True, True]
    said = capsys.readouterr().err
    assert "left out: 1 image without a row in" in said
    assert "1 row of" in said
    assert find_source(str(folder), label_column="text").class_names[0] == "text, 1"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("metadata.jsonl", '{"file_name": "000.png"}\n[1]\n', "line 2 is no JSON object"),
        ("metadata.jsonl", '{"file_name": 3}\n', "line 1 is no JSON object with a file_name"),
        ("metadata.csv", "file_name,a\nnothing.png,1\n", "none of 2 images beside it"),
        ("metadata.csv", "file_name,a\n000.png\n", "line 2 does not have 2 columns"),
    ],
)
def test_bad_metadata(photos: Photos, name: str, text: str, message: str) -> None:
    folder = photos(2)
    (folder / name).write_text(text)
    with pytest.raises(UserError, match=message):
        find_source(str(folder))


def test_other_tables_called_metadata_are_passed_over(photos: Photos) -> None:
    folder = photos(2)
    (folder / "metadata.csv").write_text("date,place\n2020,here\n")
    assert len(find_source(str(folder)).names) == 2
