import torch

from reverie.core.rng import Rng, latents_of_seeds, mix


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
