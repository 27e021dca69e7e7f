import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.data import Batches, DataOptions, open_dataset
from reverie.data.batches import batch_indices


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
