from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.options import PairBy
from reverie.data import Batch, Batches, DataOptions
from reverie.data.dataset import decode_dataset, find_dataset
from reverie.data.derived import DERIVATIONS, derive, gaussian_blur, line_drawing
from reverie.data.sides import Sides

Photos = Callable[..., Path]


def batch(data: Path, sides: Sides, **options: object) -> Batch:
    wanted = DataOptions(data=str(data), image_size=16, **options)  # type: ignore[arg-type]
    return Batches(decode_dataset(find_dataset(wanted, sides)), 4, 0).read(0)


@pytest.mark.parametrize("how", DERIVATIONS)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 5, 9), (1, 3, 64, 48)])
def test_keeps_shape_and_range(how: PairBy, shape: tuple[int, ...]) -> None:
    images = torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    made = derive(images, how)
    assert made.shape == images.shape
    assert made.abs().max() <= 1


@pytest.mark.parametrize("how", DERIVATIONS)
def test_flips_with_the_image(how: PairBy) -> None:
    images = torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.allclose(derive(images.flip(3), how), derive(images, how).flip(3), atol=1e-3)


def test_grey_is_the_luma_of_pillow() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    made = image_io.to_uint8(derive(image_io.to_tensor(pixels[None]), "grey"))[0]
    want = image_io.with_channels(pixels, 1)
    assert np.abs(made.astype(int) - want).max() <= 1
    assert (made[..., :1] == made).all()


@pytest.mark.parametrize("sigma", [0.7, 2.0])
def test_blur_is_that_of_scipy(sigma: float) -> None:
    image = torch.rand(1, 2, 20, 24, generator=torch.Generator().manual_seed(0))
    want = gaussian_filter(image.numpy(), (0, 0, sigma, sigma), mode="nearest", truncate=3.0)
    assert np.abs(gaussian_blur(image, sigma).numpy() - want).max() < 1e-5


def test_lines_are_dark_beside_an_edge_and_flat_areas_white() -> None:
    image = torch.full((1, 3, 32, 32), 0.6)
    image[..., 16:] = -0.6
    lines = line_drawing(image)
    assert lines[..., 16].max() < -0.9  # the darker side of the edge
    assert lines[..., :13].min() > 0.99
    assert lines[..., 20:].min() > 0.99


def test_lines_do_not_depend_on_brightness() -> None:
    image = 0.2 * torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(line_drawing(image), line_drawing(image - 0.7), atol=1e-3)


def test_lowres_has_a_quarter_of_the_detail() -> None:
    image = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    power = torch.fft.rfft2(derive(image, "lowres")).abs().square()[0, 0]
    high = power[16:48, 16:].sum() / power.sum()
    assert high < 0.02


def test_one_folder_has_pairs(photos: Photos) -> None:
    """Crops and flips are those of the target."""
    made = batch(photos(6, size=(40, 30)), "paired", pair_by="grey", flip=True, jitter=0.5)
    assert torch.allclose(made.images, derive(made.domain_b, "grey"), atol=1.01 / 127.5)
    assert not torch.equal(made.images, made.domain_b)


def test_the_other_direction_swaps_input_and_target(photos: Photos) -> None:
    folder = photos(6)
    there = batch(folder, "paired", pair_by="edges")
    back = batch(folder, "paired", pair_by="edges", direction="ba")
    assert torch.equal(there.images, back.domain_b)
    assert torch.equal(there.domain_b, back.images)


def test_domains_without_pairs_can_be_derived(photos: Photos) -> None:
    made = batch(photos(6), "unpaired", pair_by="blur")
    assert made.images.shape == made.domain_b.shape
    assert not torch.allclose(made.images, derive(made.domain_b, "blur"), atol=0.02)


def test_fingerprints_tell_derivations_apart(photos: Photos) -> None:
    folder, found = str(photos(3)), set()
    for how in DERIVATIONS:
        wanted = DataOptions(data=folder, image_size=16, pair_by=how)
        found.add(decode_dataset(find_dataset(wanted, "paired")).fingerprint)
    assert len(found) == len(DERIVATIONS)


@pytest.mark.parametrize(
    ("options", "sides", "words"),
    [
        ({"pair_by": "edges"}, "one", "--pair-by is for translation"),
        ({"pair_by": "edges"}, "degraded", "--pair-by is for translation"),
        ({"pair_by": "edges", "data_b": "x"}, "paired", "give no --data-b"),
        ({"pair_by": "edges", "domain_a": "x"}, "unpaired", "give no --data-b"),
        ({"pair_by": "grey", "channels": "1"}, "paired", "have no colours"),
    ],
)
def test_what_does_not_fit_is_refused(
    photos: Photos, options: dict[str, str], sides: Sides, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        batch(photos(3), sides, **options)
