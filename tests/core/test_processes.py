from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.processes import (
    is_distributed,
    is_main_process,
    leave_process_group,
    my_share,
)


@contextmanager
def process(rank: int, world: int) -> Iterator[None]:
    """Inside, this is process `rank` of `world`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.distributed, "is_initialized", lambda: True)
        patch.setattr(torch.distributed, "get_rank", lambda: rank)
        patch.setattr(torch.distributed, "get_world_size", lambda: world)
        yield


@given(count=st.integers(0, 200), world=st.integers(1, 9))
def test_shares_divide_the_work_evenly(count: int, world: int) -> None:
    shares = []
    for rank in range(world):
        with process(rank, world):
            shares.append(my_share(count))
    assert [index for share in shares for index in share] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_first_process_is_the_main_one() -> None:
    for rank in range(3):
        with process(rank, 3):
            assert is_main_process() == (rank == 0)


def test_alone() -> None:
    assert not is_distributed()
    assert is_main_process()
    assert my_share(5) == range(5)
    leave_process_group()  # does nothing


def test_a_group_is_left(tmp_path: Path) -> None:
    store = f"file://{tmp_path / 'store'}"
    torch.distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    assert is_distributed()
    assert my_share(5) == range(5)
    leave_process_group()
    assert not is_distributed()
