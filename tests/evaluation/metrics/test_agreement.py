"""Our figures beside those of the packages that others report with, under the same features."""

import pytest
import torch
from prdc import compute_prdc
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.metrics.kernel import kernel_distance
from reverie.evaluation.metrics.prdc import prdc


class AsTheyAre(nn.Module):
    """Features that are given, not computed, so that both sides see the same."""

    num_features = 16

    def forward(self, x: Tensor) -> Tensor:
        return x


def features(seed: int, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(16, 16, generator=generator)
    return torch.randn(count, 16, generator=generator) @ mixing + 0.2 * seed


ONE, OTHER = features(1, 300), features(2, 300)


def test_the_frechet_distance_is_that_of_torchmetrics() -> None:
    theirs = FrechetInceptionDistance(AsTheyAre())
    theirs.update(ONE, real=True)
    theirs.update(OTHER, real=False)
    ours = frechet_distance(Moments.of(ONE), Moments.of(OTHER))
    assert ours == pytest.approx(float(theirs.compute()), rel=1e-4)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")  # on memory
def test_the_kernel_distance_is_that_of_torchmetrics() -> None:
    theirs = KernelInceptionDistance(AsTheyAre(), subsets=2, subset_size=300)
    theirs.update(ONE, real=True)
    theirs.update(OTHER, real=False)
    ours = kernel_distance(ONE, OTHER, torch.Generator().manual_seed(0), subsets=2)
    assert ours.mean == pytest.approx(float(theirs.compute()[0]), rel=1e-4)


@pytest.mark.parametrize("neighbours", [3, 5])
def test_precision_and_recall_are_those_of_the_package_prdc(
    neighbours: int, capsys: pytest.CaptureFixture[str]
) -> None:
    real, fake = ONE.double(), OTHER[:200].double()
    theirs = compute_prdc(real.numpy(), fake.numpy(), nearest_k=neighbours)
    ours = prdc(real, fake, neighbours)
    for name, value in theirs.items():
        assert getattr(ours, name) == pytest.approx(value, abs=1e-12), name
