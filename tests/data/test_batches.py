from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reverie.core.errors import UserError
from reverie.data import Batches, DataOptions, open_dataset
from reverie.data.batches import batch_indices
from reverie.data.dataset import decode_dataset, find_dataset


@given(
    seed=st.integers(0, 2**63),
    batch_size=st.integers(1, 40),
    count=st.integers(1, 30),
    epochs=st.integers(1, 4),
)
def test_every_picture_is_seen_once_an_epoch(
    seed: int, batch_size: int, count: int, epochs: int
) -> None:
    numbers = range(-(-count * epochs // batch_size))
    seen = np.concatenate([batch_indices(seed, n, batch_size, count) for n in numbers])
    for epoch in range(epochs):
        one = seen[epoch * count : (epoch + 1) * count]
        np.testing.assert_array_equal(np.sort(one), np.arange(count))


def test_epochs_and_seeds_differ() -> None:
    first = batch_indices(0, 0, 100, 100)
    assert (first != batch_indices(0, 1, 100, 100)).any()
    assert (first != batch_indices(1, 0, 100, 100)).any()


def digits(**changes: object) -> Batches:
    pictures = open_dataset(DataOptions(data="digits", split="test", **changes))  # type: ignore[arg-type]
    return Batches(pictures, 8, seed=3)


def test_a_batch_is_a_function_of_seed_and_number() -> None:
    for ahead in (True, False):
        stream = digits(flip=True).stream(5, ahead=ahead)
        for number in (5, 6, 7):
            again, streamed = digits(flip=True).read(number), next(stream)
            torch.testing.assert_close(streamed.images, again.images, rtol=0, atol=0)
            assert streamed.labels.tolist() == again.labels.tolist()


def test_half_of_the_pictures_are_mirrored() -> None:
    straight = digits().read(0).images
    flipped = digits(flip=True).read(0).images
    same = (flipped == straight).flatten(1).all(1)
    mirrored = (flipped == straight.flip(-1)).flatten(1).all(1)
    assert (same | mirrored).all()
    assert same.any()
    assert mirrored.any()


def test_processes_share_the_rows_of_one_larger_batch() -> None:
    pictures = digits(flip=True).images
    whole = Batches(pictures, 8, seed=1).read(4)
    parts = [Batches(pictures, 4, seed=1, rank=rank, world=2).read(4) for rank in (0, 1)]
    torch.testing.assert_close(torch.cat([p.images for p in parts]), whole.images)
    torch.testing.assert_close(torch.cat([p.labels for p in parts]), whole.labels)


def test_quarter_turns_are_those_of_the_image() -> None:
    straight, turned = digits().read(0).images, digits(rotate=True).read(0).images
    turns = [
        next(n for n in range(4) if torch.equal(after, before.rot90(n, (1, 2))))
        for before, after in zip(straight, turned, strict=True)
    ]
    assert len(set(turns)) > 1


def test_high_and_low_resolution_are_cropped_and_turned_alike(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), np.uint8)
    for number, pixels in enumerate(noise):
        large = np.kron(pixels, np.ones((2, 2, 1), np.uint8))
        for folder, image in (("large", large), ("small", pixels)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / folder / f"{number}.png")
    options = DataOptions(
        data=str(tmp_path / "large"),
        data_b=str(tmp_path / "small"),
        image_size=16,
        resize="none",
        flip=True,
        rotate=True,
        crop_candidates=3,
    )
    batch = Batches(decode_dataset(find_dataset(options, "degraded", 2)), 16, seed=0).read(0)
    torch.testing.assert_close(batch.images[..., ::2, ::2], batch.low_res, rtol=0, atol=0)


def test_of_several_crops_the_most_detailed_is_taken(tmp_path: Path) -> None:
    half = np.full((32, 64, 3), 128, np.uint8)
    half[:, 32:] = np.random.default_rng(0).integers(0, 256, (32, 32, 3))
    Image.fromarray(half).save(tmp_path / "half.png")

    def flat(candidates: int) -> int:
        options = DataOptions(
            data=str(tmp_path), image_size=8, resize="none", crop_candidates=candidates
        )
        crops = Batches(open_dataset(options), 64, seed=0).read(0).images
        return int((crops.flatten(1).std(1) == 0).sum())

    assert flat(1) > 10
    assert flat(8) < 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotate": True, "image_size": "8x16"}, "not square"),
        ({"crop_candidates": 4}, "not cropped at random"),
    ],
)
def test_refuses_what_the_images_do_not_allow(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_dataset(DataOptions(data="digits", **options))
