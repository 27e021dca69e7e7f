import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reverie.data import find_source

Photos = Callable[..., Path]


@pytest.mark.parametrize("top", ["set", "set/data"])
def test_splits_have_their_own_classes(photos: Photos, top: str, tmp_path: Path) -> None:
    for split, count in (("train", 4), ("test", 3), ("validation", 2)):
        for name in ("cat", "dog"):
            photos(count, f"{top}/{split}/{name}")
    place = str(tmp_path / "set")
    train, test = find_source(place), find_source(place, "test")
    assert (train.kind, train.split, train.class_names) == (
        "class folders",
        "train",
        ("cat", "dog"),
    )
    assert (len(train.names), len(test.names), test.split) == (8, 6, "test")
    whole = find_source(place, "all")
    assert (len(whole.names), whole.split) == (18, "all")
    assert whole.labels is not None
    assert np.bincount(whole.labels).tolist() == [9, 9]
    assert len(set(whole.names)) == 18
    (tmp_path / top / "test").rename(tmp_path / top / "dev")  # then validation comes first
    assert len(find_source(place, "test").names) == 4


def test_metadata_of_each_split(photos: Photos, tmp_path: Path) -> None:
    for split, labels in (("train", "ab"), ("test", "bc")):
        folder = photos(2, f"set/{split}")
        lines = [{"file_name": f"00{i}.png", "label": labels[i], "hat": i == 0} for i in range(2)]
        (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    place = str(tmp_path / "set")
    assert find_source(place).class_names == ("a", "b")
    whole = find_source(place, "all")
    assert whole.class_names == ("a", "b", "c")
    assert whole.labels is not None
    assert whole.labels.tolist() == [1, 2, 0, 1]  # test/, then train/
    assert whole.attributes["hat"].tolist() == [True, False, True, False]


def test_a_split_alone_is_the_whole(photos: Photos, tmp_path: Path) -> None:
    for name in ("a", "b"):
        photos(2, f"set/train/{name}")
    for split in ("train", "test"):
        source = find_source(str(tmp_path / "set"), split)
        assert (source.class_names, source.split) == (("a", "b"), "all")


def test_other_folders_are_classes(photos: Photos, tmp_path: Path) -> None:
    for name in ("train", "car"):
        photos(2, f"vehicles/{name}")
    assert find_source(str(tmp_path / "vehicles")).class_names == ("car", "train")
    for name in ("test", "val"):
        photos(2, f"without/{name}")
    assert find_source(str(tmp_path / "without")).class_names == ("test", "val")
    photos(2, "beside/train")
    photos(1, "beside")
    assert len(find_source(str(tmp_path / "beside")).names) == 3
