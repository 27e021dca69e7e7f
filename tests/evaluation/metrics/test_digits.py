import numpy as np
import torch

from reverie.core.image_io import to_tensor
from reverie.data import DataOptions, open_dataset
from reverie.evaluation.metrics.digits import WEIGHTS, digit_features, recognised


def test_the_classifier_knows_digits_it_has_not_seen() -> None:
    test = open_dataset(DataOptions(data="digits", split="test"))
    seen = recognised(to_tensor(test.read(np.arange(len(test)))))
    right = (seen.numpy() == test.labels).mean()
    assert right >= 0.988
    assert WEIGHTS.stat().st_size < 1_000_000


def test_noise_is_no_evidence_of_ten_digits() -> None:
    noise = torch.rand(500, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    most_frequent = recognised(noise).bincount(minlength=10).max() / 500
    assert most_frequent > 0.5  # it does not spread noise over the classes


def test_other_sizes_and_colours_fit() -> None:
    assert digit_features(torch.zeros(2, 3, 64, 64)).shape == (2, 64)
