import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.data import find_source
from reverie.data.parquet import find_shards
from tests.fuzzing import assert_only_user_errors, damaged_bytes, named, rounds

arrow: Any = pytest.importorskip("pyarrow")
parquet: Any = pytest.importorskip("pyarrow.parquet")

Photos = Callable[..., Path]

X = np.random.default_rng(0).integers(0, 256, (6, 20, 24, 3), np.uint8)
Y = [0, 1, 0, 1, 0, 1]
FEATURES = {
    "image": {"_type": "Image"},
    "label": {"_type": "ClassLabel", "names": ["cat", "dog"]},
}


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write(path: Path, features: object = FEATURES, **columns: Any) -> Path:
    """A file as `datasets` writes it."""
    images = [{"bytes": png(one), "path": None} for one in X]
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    table = arrow.table({"image": arrow.array(images, kind)} | columns)
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table.replace_schema_metadata(metadata), path)
    return path


def test_images_labels_and_attributes(tmp_path: Path) -> None:
    smiling = [True, False, False, True, True, True]
    source = find_source(str(write(tmp_path / "a.parquet", label=Y, Smiling=smiling)))
    assert source.class_names == ("cat", "dog")
    assert source.labels is not None
    assert source.labels.tolist() == Y
    assert source.attributes["Smiling"].tolist() == smiling
    assert all((source.read(i, None) == X[i]).all() for i in range(6))


def test_columns_without_metadata(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", None, label=["b", "a"] * 3, kind=Y)
    assert find_source(str(path)).class_names == ("a", "b")
    assert find_source(str(path), label_column="kind").class_names == ("0", "1")
    with pytest.raises(UserError, match="there is no column 'colour'; "):
        find_source(str(path), label_column="colour")
    bare = arrow.table({"img": [png(one) for one in X], "other": Y})
    parquet.write_table(bare, tmp_path / "b.parquet")
    source = find_source(str(tmp_path / "b.parquet"))
    assert source.labels is None
    assert (source.read(5, None) == X[5]).all()


def test_a_folder_as_on_the_hub(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001"):
        write(tmp_path / "data" / f"{name}.parquet", label=Y)
    train, test = (find_source(str(tmp_path), split) for split in ("train", "test"))
    assert (len(train.names), train.split, len(test.names), test.split) == (12, "train", 6, "test")
    assert len(find_source(str(tmp_path), "all").names) == 18
    (tmp_path / "data" / "validation-00000-of-00001.parquet").unlink()
    with pytest.raises(UserError, match="none of its parquet files is of the split 'test'"):
        find_source(str(tmp_path), "test")


def test_a_folder_without_splits(tmp_path: Path) -> None:
    write(tmp_path / "0000.parquet")
    assert find_source(str(tmp_path), "test").split == "all"
    assert find_shards(tmp_path / "nothing", "train") == []


def test_training_and_damaged_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [png(one) for one in X] + [b"no image", None]
    parquet.write_table(arrow.table({"image": images}), tmp_path / "a.parquet")
    data = ["--data", str(tmp_path / "a.parquet")]
    words = ["train", "vae", *data, "--image-size", "16", "--batch-size", "2", "--hidden", "8"]
    assert main([*words, "--steps", "1", "--out", str(tmp_path / "run")]) == 0
    assert "2 of 8 images damaged and skipped: 6, 7" in capsys.readouterr().err
    assert main(["train", "vae", "--out", str(tmp_path / "run"), "--resume", "--steps", "2"]) == 0
    assert main(["data", "check", data[1]]) == 1
    assert "row 7 holds no image" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert main([*words, "--out", str(tmp_path / "other")]) == 2
    assert "pip install 'reverie[parquet]'" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"rubbish", "cannot be read"),
        ({"text": ["a"]}, r"none of its columns holds image files \(text\)"),
        ({"image": [b"a"], "label": arrow.array([None], arrow.int64())}, "row 0 has no label"),
    ],
)
def test_what_is_no_usable_file(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "a.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        parquet.write_table(arrow.table(content), path)
    with pytest.raises(UserError, match=message):
        find_source(str(path))


def test_columns_that_differ(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", label=Y)
    write(tmp_path / "b.parquet", label=["x"] * 6)
    with pytest.raises(UserError, match="different columns"):
        find_source(str(tmp_path))


@rounds(60, 1_000)
def test_fuzzed_files(tmp_path: Path, count: int, seed: int) -> None:
    path = write(tmp_path / "a.parquet", label=Y)

    def read(file: Path) -> None:
        source = find_source(str(file))
        assert source.read(0, None).size > 0

    inputs = named(path, damaged_bytes(path.read_bytes(), count, seed))
    assert_only_user_errors(read, inputs, memory=2**32)
