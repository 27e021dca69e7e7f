from pathlib import Path

import pytest
import torch

from reverie.core.precision import bf16_is_native

CPUINFO = Path("/proc/cpuinfo")


@pytest.mark.skipif(not CPUINFO.exists(), reason="the flags of the processor are Linux's")
def test_as_the_kernel_lists_the_processor() -> None:
    lines = [line for line in CPUINFO.read_text().splitlines() if line.startswith("flags")]
    flags = set(lines[0].split(":")[1].split()) if lines else set()
    assert bf16_is_native("cpu") == bool(flags & {"avx512_bf16", "amx_tile"})


def test_without_a_gpu_cuda_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not bf16_is_native("cuda")


@pytest.mark.parametrize("native", [False, True])
def test_emulation_does_not_count(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation
    )
    assert bf16_is_native("cuda") is native
