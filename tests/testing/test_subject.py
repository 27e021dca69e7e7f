import torch

from reverie import testing
from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.testing import subject_of
from reverie.testing.subject import random_batch, random_images
from tests.testing.linear import Linear, LinearOptions, variant


def test_refused_sizes_are_left_out() -> None:
    built: list[int | str | tuple[int, int]] = []

    class Small(Linear):
        def __init__(self, options: LinearOptions, spec: ImageSpec) -> None:
            if max(spec.size) > 32:
                raise UserError("too large.")
            built.append(spec.image_size)
            super().__init__(options, spec)

    testing.check_losses(subject_of(Small))
    assert set(built) == {28, 32}


def test_random_images_are_reproducible() -> None:
    spec = ImageSpec(3, 16)
    one, other = random_images(4, spec, seed=1), random_images(4, spec, seed=1)
    assert one.shape == (4, 3, 16, 16)
    assert torch.equal(one, other)
    assert not torch.equal(one, random_images(4, spec, seed=2))
    assert (one.min(), one.max()) == (-1, 1)
    batch = random_batch(ImageSpec(1, 8, ("a", "b")), 5)
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1, 0, 1, 0]
    assert batch.domain_b.shape == batch.images.shape


def test_the_options_are_the_tiny_ones_unless_they_are_given() -> None:
    kind = variant(tiny_options={"latent_size": 2})
    assert subject_of(kind).recipe.options == LinearOptions(latent_size=2)
    assert subject_of(kind, {}).recipe.options == LinearOptions()
