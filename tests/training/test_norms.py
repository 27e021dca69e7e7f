from pathlib import Path

import pytest
import torch

import reverie
from reverie.runs.run import Run
from reverie.training.callbacks import Callback, Training

SMALL = {"data": "digits", "batch_size": 4, "precision": "fp32", "log_every": 2, "steps": 4}


def test_the_norms_of_gradients_and_weights(tmp_path: Path) -> None:
    """Against Adam's first moment after one step, which is (1 - β₁) times the gradient."""
    found: dict[str, float] = {}

    class Reference(Callback):
        def on_step(self, training: Training) -> None:
            if training.step > 1:
                return
            for networks, optimizer in training.optimizers.items():
                for network in networks:
                    moments = [optimizer.state[p]["exp_avg"] for p in network.parameters()]
                    square = sum(float(m.double().square().sum()) for m in moments)
                    name = "encoder" if network is training.method.encoder else "decoder"
                    found[f"gradient/{name}"] = square**0.5 / (1 - 0.9)
                    weights = torch.cat([p.double().flatten() for p in network.parameters()])
                    found[f"weight/{name}"] = float(weights.norm())

    out = tmp_path / "run"
    reverie.train("vae", out=out, hidden=(8,), log_norms=True, callbacks=[Reference()], **SMALL)  # type: ignore[arg-type]
    lines = Run(out).read_log()
    assert lines[0]["numbers"] == pytest.approx(found, rel=1e-5)
    assert all(line["numbers"].keys() == found.keys() for line in lines)
    assert "norm" in Run(out).report.read_text()


def test_each_network_of_several_optimizers(tmp_path: Path) -> None:
    out = tmp_path / "run"
    reverie.train("gan", out=out, hidden=(8,), log_norms=True, clip_norm=0.5, **SMALL)  # type: ignore[arg-type]
    numbers = Run(out).read_log()[-1]["numbers"]
    assert set(numbers) == {
        f"{kind}/{network}"
        for kind in ("gradient", "weight")
        for network in ("generator", "discriminator")
    }
    assert numbers["gradient/discriminator"] <= 0.5 * 1.001  # as it is applied: clipped
