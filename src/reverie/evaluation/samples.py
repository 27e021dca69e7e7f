"""Metrics of generated images: a model against a dataset, or one folder against another.

Every metric's name contains the features, the number of images and the split.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.failures import Failures
from reverie.core.image_size import ImageSize
from reverie.core.processes import is_distributed, is_main_process, my_share
from reverie.core.result import counted
from reverie.data import DATASETS, DataOptions, ImageDataset, find_source, open_dataset
from reverie.data.paired import by_stem, refuse_unpaired
from reverie.evaluation.dataset_features import batches_of, dataset_features
from reverie.evaluation.metrics.features import (
    Features,
    extract_features,
    find_extractor,
    find_maps,
)
from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.metrics.kernel import kernel_distance
from reverie.evaluation.metrics.paired import paired_metrics
from reverie.evaluation.metrics.prdc import prdc
from reverie.evaluation.page import write_evaluation
from reverie.evaluation.reference import Reference
from reverie.inference.model import Model
from reverie.inference.options import DenoisingOptions

DEFAULT_FEATURES = "efficientnet"
CLASSIFIERS = frozenset(["digits"])
"""Feature networks that classify the dataset they were trained on."""
MAX_FOR_NEIGHBORS = 5000


NEIGHBORS_SHOWN = 12


def evaluate_model(
    model: Model,
    data: DataOptions,
    *,
    count: int | None = None,
    features: str | None = None,
    seed: int = 0,
    report: Path | None = None,
    save_stats: Path | None = None,
    sampling: DenoisingOptions | None = None,
    failures: Failures | None = None,
) -> dict[str, float]:
    """Metrics of a model's samples; several processes share the work.

    Args:
        model: a model that samples from noise.
        data: the reference images.
        count: how many samples; by default as many as there are images, 10,000 at most.
        features: `digits`, `efficientnet` or `inception`; by default what fits the data.
        seed: the number of the first sample.
        report: where to write a page with samples beside their nearest training images.
        save_stats: where to write the statistics of the reference images.
        sampling: how a diffusion model samples.
        failures: records which images are damaged and left out.

    Raises:
        UserError: if there are too few images for the metrics.
    """
    name = features or default_features(data)
    find_extractor(name)
    spec = model.method.spec
    real = open_recorded(like(data, spec.image_size, spec.channels), failures)
    count = min(len(real), 10_000) if count is None else count
    images, fake = sampled_features(model, name, count, seed, sampling)
    real_features, split = features_of(name, real), real.source.split
    _save_stats(save_stats, name, real, real_features)
    figures = compare_features(fake, real_features, name, f"{count}", split)
    labels = model.labels(count)
    if labels is not None:
        figures |= label_accuracy(fake, labels, model.class_names, name, count)
    if labels is not None and real.labels is not None:
        classes = torch.from_numpy(real.labels), real.spec.class_names
        figures |= per_class(fake, labels, real_features.features, *classes, name, split)
    if report is not None and is_main_process():
        train = open_dataset(like(data, spec.image_size, spec.channels, split="train"))
        near = nearest_neighbors(images[:NEIGHBORS_SHOWN], train, name)
        write_evaluation(report, model.name, str(data.data), figures, images[:64], near)
    return figures


def sampled_features(
    model: Model, name: str, count: int, seed: int, sampling: DenoisingOptions | None
) -> tuple[Float[Tensor, "m c h w"], Features]:
    """This process's share of the samples, and the features of all."""
    labels = model.labels(count)
    mine = my_share(count)
    asked = None if labels is None else labels[mine.start : mine.stop].tolist()
    how = sampling or DenoisingOptions()
    images = model.sample(
        len(mine),
        seed=seed + mine.start,
        label=asked,
        steps=how.steps,
        sampler=how.sampler,
        schedule=how.schedule,
        guidance=how.guidance,
    )
    batches = batches_of(images, f"features of samples ({name})")
    return images, _gathered(extract_features(name, batches))


def _save_stats(path: Path | None, name: str, images: ImageDataset, seen: Features) -> None:
    if path is not None and is_main_process():
        Reference.of(name, images, seen.features).save(path)


def default_features(data: DataOptions) -> str:
    """Default feature network of a dataset: `digits` for the digits, else `efficientnet`."""
    known = DATASETS.get(data.data or "")
    return DEFAULT_FEATURES if known is None else known.features


def evaluate_folders(
    one: DataOptions,
    other: DataOptions,
    *,
    features: str | None = None,
    save_stats: Path | None = None,
    failures: Failures | None = None,
) -> dict[str, float]:
    """Compare two datasets: `one` is evaluated, `other` is the reference.

    Where `one` is an array of images of one size, the others are resized to it, as to that of a
    model's samples.
    """
    name = features or default_features(other)
    find_extractor(name)
    judged = open_recorded(one, failures)
    if judged.source.native_size is not None and other.image_size is None:
        other = like(other, judged.spec.image_size, judged.spec.channels)
    real = open_recorded(other, failures)
    fake_features, real_features = (features_of(name, images) for images in (judged, real))
    _save_stats(save_stats, name, real, real_features)
    return dict(
        compare_features(fake_features, real_features, name, f"{len(judged)}", real.source.split)
    )


def open_recorded(data: DataOptions, failures: Failures | None) -> ImageDataset:
    """Open a dataset, and record in `failures` which of its images are damaged."""
    images = open_dataset(data)
    record_broken(images, failures)
    return images


def record_broken(images: ImageDataset, failures: Failures | None) -> None:
    """Record in `failures` which images of a dataset are damaged."""
    if failures is not None:
        for name, reason in images.broken.items():
            failures.reasons[f"{images.options.data}/{name}"] = reason


def evaluate_paired(
    one: Path,
    other: Path,
    *,
    features: str | None = None,
    on_luma: bool = False,
    cut: int = 0,
    failures: Failures | None = None,
) -> dict[str, float]:
    """Mean PSNR, SSIM and perceptual distance of two folders, paired by file name.

    Args:
        one: the folder that is evaluated.
        other: the folder of targets.
        features: the network of the perceptual distance; by default EfficientNet.
        on_luma: PSNR and SSIM of the luma Y alone, as in super-resolution's tables.
        cut: width of the border that PSNR and SSIM exclude, in pixels.
        failures: records which pairs are left out, since an image is damaged.

    Raises:
        UserError: if names or sizes do not match, where the first five are listed, or no pair can
            be read.
    """
    name, failures = features or DEFAULT_FEATURES, failures or Failures()
    find_maps(name)
    judged, truth = _pairs(one, other, failures)
    figures = []
    for stem in progress.track(judged, len(judged), "comparing", "pairs"):
        pair: list[np.ndarray] = []
        with failures.of(judged[stem]):
            pair = [image_io.read(files[stem]) for files in (judged, truth)]
        if not pair:
            continue
        channels = max(pixels.shape[-1] for pixels in pair)
        mine, theirs = (image_io.to_tensor(image_io.with_channels(p, channels)[None]) for p in pair)
        if mine.shape != theirs.shape:
            sizes = " and ".join(f"{p.shape[1]}×{p.shape[0]}" for p in pair)
            raise UserError(f"{stem}: both images of a pair must have the same size, not {sizes}.")
        figures.append(paired_metrics(mine, theirs, name, on_luma, cut))
    if not figures:
        raise failures.refuse(len(judged), "compared")
    kind = ("Y" if on_luma else "RGB") + (f", border {cut}" if cut else "")
    count = counted(len(figures), "pair")
    return {
        f"psnr[{kind}, {count}]": float(torch.cat([f.psnr for f in figures]).mean()),
        f"ssim[{kind}, {count}]": float(torch.cat([f.ssim for f in figures]).mean()),
        f"perceptual_distance[{name}, {count}]": float(
            torch.cat([f.perceptual for f in figures]).mean()
        ),
    }


def _pairs(one: Path, other: Path, failures: Failures) -> tuple[dict[str, Path], dict[str, Path]]:
    """The files of both folders by their common names without suffix."""
    sources = []
    for folder in (one, other):
        if not folder.is_dir():
            raise UserError(f"{folder}: pairs are compared between two folders of images.")
        sources.append(find_source(str(folder)))
    broken = {}
    for source in sources:
        broken |= {str(Path(name).with_suffix("")): why for name, why in source.broken.items()}
    failures.reasons.update(broken)
    whole = (by_stem(source) for source in sources)
    one_side, other_side = ({k: v for k, v in side.items() if k not in broken} for side in whole)
    refuse_unpaired(one_side, other_side)
    return one_side, other_side


def compare_features(
    fake: Features, real: Features, name: str, count: str, split: str
) -> dict[str, float]:
    """All metrics of two sets of features: Fréchet and kernel distance, PRDC, inception score.

    Args:
        fake: features of generated images.
        real: features of real images.
        name: the feature network, for the metrics' names.
        count: number of samples, for the metrics' names.
        split: the real images' split, for the metrics' names.

    Raises:
        UserError: if a set has too few images.
    """
    about = f"[{name}, {count}, {split}]"
    kernel_name = "KID" if name == "inception" else "kernel_distance"
    generator = torch.Generator().manual_seed(0)
    distance = frechet_distance(Moments.of(fake.features), Moments.of(real.features))
    kernel = kernel_distance(fake.features, real.features, generator)
    near = prdc(real.features[:MAX_FOR_NEIGHBORS], fake.features[:MAX_FOR_NEIGHBORS])
    figures = {
        f"{frechet_name(name)}{about}": distance,
        f"{kernel_name}{about}": kernel.mean,
        f"{kernel_name}_standard_error{about}": kernel.standard_error,
    }
    figures |= {f"{key}{about}": value for key, value in asdict(near).items()}
    return figures | {f"inception_score{about}": inception_score(fake.logits)}


def frechet_name(features: str) -> str:
    """Name of the Fréchet distance under these features: `FID` for Inception's alone."""
    return "FID" if features == "inception" else "frechet_distance"


def inception_score(logits: Tensor) -> float:
    """Inception score exp E KL(p(y|x) ‖ p(y)) of logits [N, K]: Salimans et al. 2016."""
    log_p = logits.double().log_softmax(1)
    log_mean = log_p.exp().mean(0).log()
    return float((log_p.exp() * (log_p - log_mean)).sum(1).mean().exp())


def label_accuracy(
    fake: Features, labels: Tensor, class_names: Sequence[str], name: str, count: int
) -> dict[str, float]:
    """How often the class of a sample is recognised, where the features come with a classifier."""
    if name not in CLASSIFIERS:
        return {}
    right = fake.logits.argmax(1) == labels
    figures = {f"label_accuracy[{name}, {count}]": right.float().mean().item()}
    for number, class_name in enumerate(class_names):
        share = right[labels == number].float().mean().item()
        figures[f"label_accuracy[{name}, class {class_name}, {count}]"] = share
    return figures


def per_class(
    fake: Features,
    labels: Int[Tensor, " m"],
    real: Float[Tensor, "n d"],
    real_labels: Int[Tensor, " n"],
    class_names: Sequence[str],
    name: str,
    split: str,
) -> dict[str, float]:
    """The Fréchet distance of each class that has two images or more on both sides."""
    figures = {}
    for number, class_name in enumerate(class_names):
        sets = fake.features[labels == number], real[real_labels == number]
        if min(map(len, sets)) >= 2:
            distance = frechet_distance(*map(Moments.of, sets))
            about = f"[{name}, class {class_name}, {len(sets[0])}, {split}]"
            figures[f"frechet_distance{about}"] = distance
    return figures


def nearest_neighbors(images: Tensor, train: ImageDataset, name: str) -> Float[Tensor, "n c h w"]:
    """Each image followed by its five nearest training images in feature space [6 N, C, H, W].

    Reveals memorised training images.
    """
    known = dataset_features(name, train).features
    nearest = (
        torch.cdist(extract_features(name, [images]).features, known).topk(5, largest=False).indices
    )
    rows = [
        torch.cat([sample[None], image_io.to_tensor(train.read(indices.numpy()))])
        for sample, indices in zip(images, nearest, strict=True)
    ]
    return torch.cat(rows)


def like(data: DataOptions, size: ImageSize, channels: int, **changes: Any) -> DataOptions:
    """Data options with a model's image size and number of channels."""
    colours: Any = str(channels)
    return replace(data, image_size=size, channels=colours, **changes)


def features_of(name: str, images: ImageDataset) -> Features:
    """Features of a dataset: from the cache, or, in several processes, of each one's share."""
    if not is_distributed():
        return dataset_features(name, images)
    batches = batches_of(images, f"features of images ({name})", share=True)
    return _gathered(extract_features(name, batches))


def _gathered(seen: Features) -> Features:
    """The features of all processes, in the order of their shares."""
    if not is_distributed():
        return seen
    parts: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, seen)
    return Features(torch.cat([p.features for p in parts]), torch.cat([p.logits for p in parts]))
