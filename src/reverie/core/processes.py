"""Several processes that share one training or evaluation."""

import torch


def leave_the_group() -> None:
    """End this process's part in a training of several; without it some die at their exit."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
