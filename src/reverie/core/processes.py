"""Distributed process group of training and evaluation."""

import torch


def is_distributed() -> bool:
    """Whether this process is one of several."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def my_share(count: int) -> range:
    """Of `count` items, those of this process."""
    if not is_distributed():
        return range(count)
    rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
    return range(count * rank // world, count * (rank + 1) // world)


def is_main_process() -> bool:
    """Whether this process writes the results."""
    return not is_distributed() or torch.distributed.get_rank() == 0


def leave_process_group() -> None:
    """Leave the group of processes; without it some backends abort at exit."""
    if is_distributed():
        torch.distributed.destroy_process_group()
