import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.methods.superres.families import FAMILIES, build_upscaler, family_of
from reverie.methods.superres.networks import SCALES, UpscalerConfig

CONFIGS = st.builds(
    UpscalerConfig,
    channels=st.sampled_from([1, 3]),
    scale=st.sampled_from(SCALES),
    width=st.sampled_from([4, 6]),
    blocks=st.integers(1, 3),
    growth=st.sampled_from([2, 5]),
    norm=st.booleans(),
)


@settings(max_examples=60)
@given(family=st.sampled_from(list(FAMILIES)), config=CONFIGS)
def test_a_network_is_read_from_the_shapes_of_its_weights(
    family: str, config: UpscalerConfig
) -> None:
    assume((family, config.scale) != ("rrdb", 3))
    network = build_upscaler(family, config)
    assert family_of(network) == family
    named = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    again = FAMILIES[family].read(named)
    assert type(again) is type(network)
    assert again.config == network.config
    again.load_state_dict(named)
    x = torch.rand(1, config.channels, 8, 8) * 2 - 1
    made = again.eval()(x)
    assert torch.equal(made, network.eval()(x))
    assert made.shape == (1, config.channels, 8 * config.scale, 8 * config.scale)


@settings(max_examples=20)
@given(family=st.sampled_from(list(FAMILIES)), config=CONFIGS)
def test_signatures_tell_families_apart(family: str, config: UpscalerConfig) -> None:
    assume((family, config.scale) != ("rrdb", 3))
    names = set(build_upscaler(family, config).state_dict())
    assert [one for one, known in FAMILIES.items() if set(known.signature) <= names] == [family]


def test_the_default_blocks_are_the_papers() -> None:
    assert {name: family.blocks for name, family in FAMILIES.items()} == {
        "srresnet": 16,  # Ledig et al. 2017
        "rrdb": 23,  # Wang et al. 2018
        "compact": 16,
        "msrresnet": 16,
        "span": 6,  # Wan et al. 2023
    }


def test_refusals() -> None:
    with pytest.raises(UserError, match="no upscaler family 'rdb'; did you mean 'rrdb'"):
        build_upscaler("rdb", UpscalerConfig(3, 4, 4, 1))
    with pytest.raises(UserError, match="2, 4 or 8"):
        build_upscaler("rrdb", UpscalerConfig(3, 3, 4, 1))


def test_a_bias_before_a_norm_is_folded_into_its_mean(generator: torch.Generator) -> None:
    """Files of others have a bias before each batch norm: norm(conv(x) + b) is the same."""
    config = UpscalerConfig(3, 2, 4, 1)
    network = build_upscaler("srresnet", config).eval()
    named = dict(network.state_dict())
    bias = torch.randn(4, generator=generator)
    named["after.0.bias"] = bias
    named["after.1.running_mean"] = named["after.1.running_mean"] + bias
    again = FAMILIES["srresnet"].read(named)
    again.load_state_dict(named)
    x = torch.rand(1, 3, 8, 8, generator=generator)
    torch.testing.assert_close(again.eval()(x), network(x), rtol=1e-5, atol=1e-5)
