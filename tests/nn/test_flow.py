import pytest
import torch
from torch import nn

from reverie.nn.flow import Flow


def lively(flow: Flow) -> Flow:
    """Random weights in every layer: a new flow is the identity."""
    generator = torch.Generator().manual_seed(0)
    for parameter in flow.parameters():
        nn.init.normal_(parameter, 0.0, 0.2, generator=generator)
    return flow.double()


@pytest.mark.parametrize("size", [2, 5, 20])
def test_the_inverse(size: int) -> None:
    flow = lively(Flow(size, 4, 16))
    x = torch.randn(7, size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y, _ = flow(x)
    assert (y - x).abs().max() > 0.1
    torch.testing.assert_close(flow.inverse(y), x, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(flow(flow.inverse(x))[0], x, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [2, 5])
def test_the_determinant_is_that_of_the_jacobian(size: int) -> None:
    flow = lively(Flow(size, 3, 16))
    x = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v[None])[0][0], x)
    _, log_determinant = flow(x[None])
    torch.testing.assert_close(
        log_determinant[0], torch.linalg.slogdet(jacobian).logabsdet, atol=1e-5, rtol=1e-5
    )


def test_every_entry_changes_and_none_without_layers() -> None:
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(3))
    y, log_determinant = Flow(5, 0)(x)
    assert torch.equal(y, x)
    assert torch.equal(log_determinant, torch.zeros(3))
    assert torch.equal(Flow(5, 4)(x)[0], x)  # the identity before training
    changed = lively(Flow(5, 2, 8))(x.double())[0]
    assert ((changed - x).abs() > 1e-6).all()


def test_an_exported_flow_takes_any_number() -> None:
    flow = Flow(4, 2, 8)
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    program = torch.export.export(flow, (torch.zeros(2, 4),), dynamic_shapes=(batch,))
    assert program.module()(torch.zeros(3, 4))[1].shape == (3,)


def test_a_flow_learns_two_clusters() -> None:
    """Its samples have two separate modes as the data have, which no normal distribution has."""
    torch.manual_seed(0)
    sign = torch.randint(2, (512, 1)).float() * 2 - 1
    points = torch.cat([2 * sign, -2 * sign], 1) + 0.2 * torch.randn(512, 2)
    flow = Flow(2, 6, 32)
    optimiser = torch.optim.Adam(flow.parameters(), 5e-3)
    for _ in range(300):
        y, log_determinant = flow(points)
        loss = (0.5 * y.square().sum(1) - log_determinant).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        made = flow.inverse(torch.randn(1000, 2))
    middle = (made.abs() < 1).all(1).float().mean()
    assert middle < 0.1  # 47 % of a normal distribution's with the same covariance per axis
    assert 0.35 < (made[:, 0] > 0).float().mean() < 0.65
