import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from reverie import images
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.evaluation.metrics.paired import luma, paired_metrics
from reverie.evaluation.samples import evaluate_paired as compare_folders

GENERATOR = torch.Generator().manual_seed(0)
ONE = torch.rand(3, 3, 40, 32, generator=GENERATOR) * 2 - 1
NOISE = torch.randn(3, 3, 40, 32, generator=GENERATOR)
OTHER = (0.8 * ONE + 0.1 * NOISE).clamp(-1, 1)


@pytest.mark.parametrize("cut", [0, 4])
def test_psnr_and_ssim_are_those_of_scikit_image(cut: int) -> None:
    got = paired_metrics(ONE, OTHER, "digits", cut=cut)
    for index in range(3):
        a, b = (images.to_uint8(x)[index][cut : 40 - cut, cut : 32 - cut] for x in (ONE, OTHER))
        assert got.psnr[index] == pytest.approx(peak_signal_noise_ratio(a, b), abs=1e-4)
        ssim = structural_similarity(
            a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert got.ssim[index] == pytest.approx(ssim, abs=2e-3)  # whose border is padded otherwise


def test_luma_is_that_of_the_tables() -> None:
    """White, black and the primaries as BT.601 in 8 bits has them."""
    colours = torch.tensor([[1.0, 1, 1], [-1, -1, -1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    got = luma(colours[:, :, None, None]).flatten() * 255
    torch.testing.assert_close(
        got, torch.tensor([235.0, 16, 81.481, 144.553, 40.966]), rtol=0, atol=0.01
    )


def test_equal_pictures_are_equal() -> None:
    got = paired_metrics(ONE, ONE, "efficientnet", on_luma=True)
    assert got.psnr.tolist() == [100.0] * 3
    assert got.ssim.tolist() == pytest.approx([1.0] * 3)
    assert got.perceptual.tolist() == [0.0] * 3


@pytest.mark.parametrize("name", ["digits", "efficientnet"])
def test_the_perceptual_distance_grows_with_the_damage(name: str) -> None:
    damaged = [(ONE + share * NOISE).clamp(-1, 1) for share in (0.02, 0.1, 0.5)]
    distances = [paired_metrics(ONE, x, name).perceptual for x in damaged]
    assert (distances[0] < distances[1]).all()
    assert (distances[1] < distances[2]).all()


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(UserError, match="do not match"):
        paired_metrics(ONE, ONE[..., :20], "digits")
    with pytest.raises(UserError, match="leaves nothing"):
        paired_metrics(ONE, ONE, "digits", cut=16)
    with pytest.raises(UserError, match="at least 0 pixels"):
        paired_metrics(ONE, ONE, "digits", cut=-1)
    with pytest.raises(UserError, match="between two folders"):
        compare_folders(Path("digits"), Path("digits"))
    with pytest.raises(UserError, match="11 pixels a side"):
        paired_metrics(ONE, ONE, "digits", cut=12)
    with pytest.raises(UserError, match="inception has no perceptual distance"):
        paired_metrics(ONE, ONE, "inception")


def folders(root: Path) -> tuple[Path, Path]:
    for folder, pictures in (("one", ONE), ("other", OTHER)):
        for index, picture in enumerate(pictures):
            images.save(picture, root / folder / "deep" / f"{index}.png")
    return root / "one", root / "other"


def test_folders_are_compared_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = folders(tmp_path)
    figures = compare_folders(one, other, on_luma=True, cut=4)
    want = paired_metrics(ONE, OTHER, "efficientnet", on_luma=True, cut=4)
    assert figures["psnr[Y, border 4, 3 pairs]"] == pytest.approx(want.psnr.mean().item())
    assert figures["ssim[Y, border 4, 3 pairs]"] == pytest.approx(want.ssim.mean().item())
    assert main(["evaluate", str(one), "--data", str(other), "--pairs", "--luma"]) == 0
    assert "psnr[Y, 3 pairs]" in capsys.readouterr().out


def test_folders_that_do_not_match_are_refused(tmp_path: Path) -> None:
    one, other = folders(tmp_path)
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(other / "deep" / "1.png")
    with pytest.raises(UserError, match="must have the same size, not 32×40 and 9×9"):
        compare_folders(one, other)
    (other / "deep" / "1.png").unlink()
    with pytest.raises(UserError, match="1 image without a counterpart of the same name: deep/1"):
        compare_folders(one, other)


def test_an_inception_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's extractor takes 8-bit colour and gives features and logits."""
    import sys
    import types

    from reverie.evaluation.metrics import features

    class Extractor:
        def __init__(self, name: str, wanted: list[str]) -> None:
            assert (name, wanted) == ("inception-v3-compat", ["2048", "logits_unbiased"])

        def eval(self) -> "Extractor":
            return self

        def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            assert x.dtype == torch.uint8
            assert x.shape[1] == 3
            return x.float().mean((2, 3)), x.float().amax((2, 3))

    module = types.ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = Extractor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_fidelity", types.ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    features._inception.cache_clear()
    seen = features.extract_features("inception", [ONE])
    features._inception.cache_clear()
    assert seen.features.shape == (3, 3)
    assert math.isclose(seen.features[0, 0], images.to_uint8(ONE)[0, ..., 0].mean(), rel_tol=1e-5)
