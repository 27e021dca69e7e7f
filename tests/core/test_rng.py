import threading

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from reverie.core.rng import DrawsFrom, Rng, latents_of_seeds, mix


def test_processes_draw_the_rows_of_one_larger_batch() -> None:
    def rng(rank: int, world: int) -> Rng:
        return Rng(torch.Generator().manual_seed(1), rank=rank, world=world)

    one, two = rng(0, 1), [rng(rank, 2) for rank in (0, 1)]
    for make in (
        lambda d, n: d.normal(n, 3),
        lambda d, n: d.uniform(n),
        lambda d, n: d.integers(7, n),
    ):
        torch.testing.assert_close(torch.cat([make(d, 4) for d in two]), make(one, 8))


def test_integers_cover_their_range(generator: torch.Generator) -> None:
    assert Rng(generator).integers(3, 200).unique().tolist() == [0, 1, 2]


def test_latents_depend_on_their_own_seed_alone() -> None:
    many = latents_of_seeds(range(5, 25), (3, 2))
    torch.testing.assert_close(latents_of_seeds([11], (3, 2))[0], many[6], rtol=0, atol=0)
    assert len(torch.unique(many[:, 0, 0])) == 20


def test_mixed_seeds_differ() -> None:
    seeds = {mix(a, b) for a in range(50) for b in range(50)}
    assert len(seeds) == 2500
    assert mix(1, 2) != mix(2, 1)


def draw_in_every_way() -> list[torch.Tensor]:
    x = torch.full((4, 3), 0.5)
    layers = [nn.Conv2d(3, 8, 3), spectral_norm(nn.Linear(8, 9)), nn.Embedding(3, 4)]
    nn.init.orthogonal_(layers[0].weight)
    nn.init.trunc_normal_(layers[2].weight)
    return [
        torch.rand(3), torch.randn(17), torch.randint(5, (3,)), torch.randint(2, 5, (3,)),
        torch.randperm(9), torch.bernoulli(x), torch.multinomial(x, 2), torch.normal(x, x),
        torch.empty(50).exponential_(), torch.empty(9).uniform_(-1, 1), F.dropout(x, 0.3),
        *(tensor for layer in layers for tensor in layer.state_dict().values()),
    ]  # fmt: skip


def test_draws_come_from_another_generator_with_the_same_numbers(
    generator: torch.Generator,
) -> None:
    torch.manual_seed(7)
    expected = draw_in_every_way()
    before = torch.get_rng_state()
    with DrawsFrom(generator.manual_seed(7)):
        got = draw_in_every_way()
        named = torch.rand(3, generator=torch.Generator().manual_seed(1))
    assert [torch.equal(a, b) for a, b in zip(got, expected, strict=True)] == [True] * len(got)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(named, torch.rand(3, generator=torch.Generator().manual_seed(1)))


def test_draws_of_other_threads_are_not_redirected(generator: torch.Generator) -> None:
    before = generator.get_state()
    with DrawsFrom(generator):
        thread = threading.Thread(target=torch.rand, args=(3,))
        thread.start()
        thread.join()
    assert torch.equal(generator.get_state(), before)


def test_a_draw_without_a_generator_is_refused(generator: torch.Generator) -> None:
    with DrawsFrom(generator), pytest.raises(NotImplementedError, match=r"use torch\.rand"):
        torch.ops.aten.native_dropout(torch.ones(3), 0.5, True)
