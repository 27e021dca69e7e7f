import pytest
from torch import nn

from reverie import testing
from reverie.core.errors import UserError
from reverie.methods import METHODS, Method
from reverie.methods.gan.dcgan import DCGANOptions


def build(name: str, **changes: object) -> Method:
    tiny = dict(METHODS[name].tiny_options)
    return testing.subject_of(METHODS[name], tiny | changes).build()  # type: ignore[arg-type]


def activations(network: nn.Module) -> set[type[nn.Module]]:
    return {type(layer) for layer in network.modules() if isinstance(layer, nn.ReLU | nn.LeakyReLU)}


@pytest.mark.parametrize("name", ["gan", "dcgan", "cgan"])
@pytest.mark.parametrize(
    ("changes", "kind"),
    [({}, nn.LeakyReLU), ({"activation": "relu"}, nn.ReLU)],
)
def test_the_activation_of_the_discriminator(
    name: str, changes: dict[str, str], kind: type[nn.Module]
) -> None:
    method = build(name, **changes)
    assert activations(method.get_submodule("discriminator")) == {kind}
    generator = activations(method.get_submodule("generator"))
    assert generator == ({kind} if name == "gan" else set())  # a DCGAN's applies torch.relu
    assert list(method.state_dict()) == list(build(name).state_dict())


def test_other_activations_are_refused() -> None:
    with pytest.raises(UserError, match="--activation must be one of leaky_relu, relu, not 'tanh'"):
        DCGANOptions(activation="tanh")  # type: ignore[arg-type]
