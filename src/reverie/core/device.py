"""Which device a training runs on."""

import torch


def runs_on_cpu(device: str) -> bool:
    """Whether work with `--device` auto, cpu, cuda or mps is done by the processor."""
    found = torch.cuda.is_available() or torch.backends.mps.is_available()
    return device == "cpu" or not found
