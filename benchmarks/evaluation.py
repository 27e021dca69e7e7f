"""Metrics of two sets of features: ours beside float64 in one piece and beside other packages.

    python benchmarks/evaluation.py [--count 5000] [--width 1280] [--rounds 3] [METRIC ...]
    python benchmarks/evaluation.py --count 50000 --rounds 1 --only ours

The features are random. All take turns in one run; ratios are to the plain form. Peak memory is
that of a process of its own, with the features; `--only` measures one form in this process.
torchmetrics and torch-fidelity are measured if they are installed, where they have the metric:
torch-fidelity knows precision and recall alone, of `prdc`.
"""

import argparse
import importlib.util
import json
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from measuring import (
    Form,
    Row,
    add_arguments,
    comparison,
    measured_peaks,
    own_figures,
    peak_memory_of,
    print_rows,
    take_turns,
)
from torch import Tensor, nn

from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.metrics.kernel import SUBSET_SIZE, SUBSETS, kernel_distance
from reverie.evaluation.metrics.prdc import NEIGHBOURS, prdc

Metric = Callable[[Tensor, Tensor], dict[str, float]]


def random_features(count: int, width: int) -> tuple[Tensor, Tensor]:
    """Two sets of features, positive and correlated as those after a network's last ReLU."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(width, width, generator=generator) / math.sqrt(width)
    mixing *= torch.linspace(0, 1, width) ** 8
    sets = (torch.randn(count, width, generator=generator) @ mixing for _ in range(2))
    fake, real = ((x * scale).relu_() for x, scale in zip(sets, (1.02, 1.0), strict=True))
    return fake, real


def our_frechet(fake: Tensor, real: Tensor) -> dict[str, float]:
    return {"distance": frechet_distance(Moments.of(fake), Moments.of(real))}


def our_kernel(fake: Tensor, real: Tensor) -> dict[str, float]:
    found = kernel_distance(fake, real, torch.Generator().manual_seed(0))
    return {"distance": found.mean}


def our_prdc(fake: Tensor, real: Tensor) -> dict[str, float]:
    return vars(prdc(real, fake))


def whole_frechet(fake: Tensor, real: Tensor) -> dict[str, float]:
    """The textbook's form: a general square root of a matrix, by scipy."""
    from scipy.linalg import sqrtm

    x, y = fake.double().numpy(), real.double().numpy()
    covariances = [torch.cov(torch.from_numpy(s.T)).numpy() for s in (x, y)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    traces = covariances[0].trace() + covariances[1].trace() - 2 * root.trace()
    return {"distance": float(((x.mean(0) - y.mean(0)) ** 2).sum() + traces)}


def whole_kernel(fake: Tensor, real: Tensor) -> dict[str, float]:
    """Each subset by itself, in float64."""
    generator = torch.Generator().manual_seed(0)
    size = min(SUBSET_SIZE, len(fake), len(real))
    k = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3  # noqa: E731
    values = []
    for _ in range(SUBSETS):
        x, y = (
            s[torch.randperm(len(s), generator=generator)[:size]].double() for s in (fake, real)
        )
        within = [k(s, s) for s in (x, y)]
        sums = sum(float(m.sum() - m.diagonal().sum()) for m in within)
        values.append(sums / (size * (size - 1)) - 2 * float(k(x, y).mean()))
    return {"distance": statistics.mean(values)}


def whole_prdc(fake: Tensor, real: Tensor) -> dict[str, float]:
    """All distances at once, in float64."""
    x, y = real.double(), fake.double()
    of_real, of_fake = (torch.cdist(s, s).kthvalue(NEIGHBOURS + 1, dim=1).values for s in (x, y))
    distances = torch.cdist(x, y)
    near = distances < of_real[:, None]
    return {
        "precision": near.any(0).double().mean().item(),
        "recall": (distances < of_fake).any(1).double().mean().item(),
        "density": near.double().sum(0).mean().item() / NEIGHBOURS,
        "coverage": near.any(1).double().mean().item(),
    }


class AsTheyAre(nn.Module):
    """Features that are given, not computed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width

    def forward(self, x: Tensor) -> Tensor:
        return x


def torchmetrics_frechet(fake: Tensor, real: Tensor) -> dict[str, float]:
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(AsTheyAre(fake.shape[1]))
    return {"distance": float(_updated(metric, fake, real).compute())}


def torchmetrics_kernel(fake: Tensor, real: Tensor) -> dict[str, float]:
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(SUBSET_SIZE, len(fake), len(real))
    extractor = AsTheyAre(fake.shape[1])
    metric = KernelInceptionDistance(extractor, subsets=SUBSETS, subset_size=size)
    return {"distance": float(_updated(metric, fake, real).compute()[0])}


def _updated(metric: Any, fake: Tensor, real: Tensor) -> Any:
    for images, is_real in ((fake, False), (real, True)):
        for part in images.split(50):
            metric.update(part, real=is_real)
    return metric


def fidelity_frechet(fake: Tensor, real: Tensor) -> dict[str, float]:
    from torch_fidelity import metric_fid  # pyright: ignore[reportMissingImports]

    of_fake, of_real = (metric_fid.fid_features_to_statistics(x) for x in (fake, real))
    found = metric_fid.fid_statistics_to_metric(of_fake, of_real, False)
    return {"distance": float(found[metric_fid.KEY_METRIC_FID])}


def fidelity_kernel(fake: Tensor, real: Tensor) -> dict[str, float]:
    from torch_fidelity import metric_kid  # pyright: ignore[reportMissingImports]

    size = min(SUBSET_SIZE, len(fake), len(real))
    found = metric_kid.kid_features_to_metric(
        fake, real, kid_subsets=SUBSETS, kid_subset_size=size, verbose=False
    )
    return {"distance": float(found[metric_kid.KEY_METRIC_KID_MEAN])}


def fidelity_prdc(fake: Tensor, real: Tensor) -> dict[str, float]:
    from torch_fidelity import metric_prc  # pyright: ignore[reportMissingImports]

    found = metric_prc.prc_features_to_metric(
        fake, real, prc_neighborhood=NEIGHBOURS, save_cpu_ram=True, verbose=False
    )
    return {name: float(found[name]) for name in ("precision", "recall")}


METRICS: dict[str, dict[str, Metric]] = {
    "frechet": {
        "ours": our_frechet,
        "whole": whole_frechet,
        "torchmetrics": torchmetrics_frechet,
        "torch_fidelity": fidelity_frechet,
    },
    "kernel": {
        "ours": our_kernel,
        "whole": whole_kernel,
        "torchmetrics": torchmetrics_kernel,
        "torch_fidelity": fidelity_kernel,
    },
    "prdc": {"ours": our_prdc, "whole": whole_prdc, "torch_fidelity": fidelity_prdc},
}


def measure(metric: str, count: int, width: int, rounds: int) -> Row:
    """Times and figures of all that have the metric, in turns."""
    sets = random_features(count, width)
    figures: dict[str, dict[str, float]] = {}

    def run(name: str, form: Metric) -> None:
        figures[name] = form(*sets)

    forms = {
        name: Form(run=partial(run, name, form))
        for name, form in METRICS[metric].items()
        if name in ("ours", "whole") or importlib.util.find_spec(name)
    }
    times = take_turns({name: form.run for name, form in forms.items()}, rounds, warm=False)
    memory = peak_memory_of(
        __file__,
        {name: (metric, "--only", name, "--count", count, "--width", width) for name in forms},
    )
    case = f"{metric}, {count:,} × {width:,}"
    return comparison("evaluation", case, forms, "whole", times, memory=memory) | {
        "figures": figures
    }


def rows(
    metrics: Sequence[str],
    rounds: int,
    *,
    count: int = 5000,
    width: int = 1280,
    quick: bool = False,
) -> Iterator[Row]:
    """A row for each metric."""
    for metric in metrics or METRICS:
        yield measure(metric, 500 if quick else count, width // 2 if quick else width, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("metrics", nargs="*", choices=[[], *METRICS], metavar="METRIC")
    parser.add_argument("--count", type=int, default=5000, help="features of each set")
    parser.add_argument("--width", type=int, default=1280, help="values of a feature")
    parser.add_argument("--only", choices=["ours", "whole", "torchmetrics", "torch_fidelity"])
    add_arguments(parser, rounds=3)
    arguments = parser.parse_args()
    if arguments.only:  # one process, one computation
        for metric in arguments.metrics or METRICS:
            sets = random_features(arguments.count, arguments.width)
            form = METRICS[metric][arguments.only]
            row = {"metric": metric, "count": arguments.count, "width": arguments.width}
            print(json.dumps(row | own_figures(partial(form, *sets), warm=False)), flush=True)
        return
    how = {"count": arguments.count, "width": arguments.width, "quick": arguments.quick}
    found = rows(arguments.metrics, arguments.rounds, **how)
    print_rows(found, measured_peaks(), arguments.out)


if __name__ == "__main__":
    main()
