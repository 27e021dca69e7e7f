import numpy as np
from reverie_extras.espcn import ESPCN
from reverie_extras.shapes import SHAPES
from reverie_extras.wgan_div import WGANDiv

from reverie import METHODS
from reverie.testing import check_method


def test_wgan_div_keeps_the_contract() -> None:
    check_method(WGANDiv)
    check_method(WGANDiv, options={**WGANDiv.tiny_options, "penalty_power": 2.0})


def test_an_upscaler_family_keeps_the_contract_of_the_methods_that_use_it() -> None:
    check_method(METHODS["srresnet"], options={"network": "espcn", "width": 8, "scale": 2})
    assert ESPCN(1, 2, 8, 3).receptive_radius == 6


def test_shapes_have_classes_and_splits() -> None:
    assert SHAPES.load is not None
    train, test = SHAPES.load("train"), SHAPES.load("test")
    assert len(train.names) == 3000
    assert len(test.names) == 600
    assert test.labels is not None
    assert np.bincount(test.labels).tolist() == [200, 200, 200]
