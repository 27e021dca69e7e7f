"""Hardware support of reduced precision."""

import torch


def bf16_is_native(device: str) -> bool:
    """Whether the CPU (`cpu`) or the GPU (`cuda`) computes in bfloat16 natively."""
    if device != "cpu":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
