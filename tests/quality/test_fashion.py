"""Fashion-MNIST as Debian's package dataset-fashion-mnist has it, where it is installed."""

from pathlib import Path

import pytest

from reverie.data import DataOptions, open_dataset

FOLDER = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER.exists(), reason="apt-get install dataset-fashion-mnist")
def test_fashion_mnist_as_published() -> None:
    train, test = (open_dataset(DataOptions(data=str(FOLDER), split=s)) for s in ("train", "test"))
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.spec.classes == 10
    assert [(test.labels == n).sum() for n in range(10)] == [1000] * 10
