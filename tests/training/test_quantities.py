import pytest

from reverie.training.quantities import VALUE, Quantity, quantity_of


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("discriminator", "loss"),
        ("bound/nll", "loss"),
        ("bound/kl", "KL divergence"),
        ("denoising/low_noise", "loss by noise level"),
        ("denoising/error", "loss"),
        ("gradient/generator", "gradient norm"),
        ("weight/generator", "weight norm"),
        ("generators/cycle_a", "loss"),
        ("generator/realism", "loss"),
        ("discriminator/real", "logit"),
        ("discriminators/fake_b", "logit"),
        ("discriminator/probability_real", "probability"),
        ("discriminators/probability_fake_a", "probability"),
        ("penalty", "penalty"),
        ("penalty/r1", "penalty"),
        ("discriminator/slope", "penalty"),
        ("generators/likeness_ab", "similarity"),
        ("samples/diversity", "ratio"),
        ("frechet_distance[digits, 1000, test]", "distance"),
        ("kernel_distance_standard_error[digits, 1000, test]", "distance"),
        ("coverage[digits, 1000, test]", "fraction"),
        ("label_accuracy[digits, 1000]", "fraction"),
        ("[", "loss"),
        ("", "loss"),
    ],
)
def test_the_quantity_of_a_name(name: str, quantity: str) -> None:
    found = quantity_of(name)
    assert isinstance(found, Quantity)
    assert found.name == quantity
    assert found.axis
    assert found.about.endswith(".")


def test_names_that_say_nothing() -> None:
    assert quantity_of("mine", VALUE) == VALUE
    assert quantity_of("gradient/unet", VALUE) != VALUE
