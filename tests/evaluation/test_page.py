import base64
import re
from pathlib import Path

import pytest
import torch

from reverie import images
from reverie.core.errors import UserError
from reverie.evaluation.page import write_evaluation

SAMPLES = torch.zeros(4, 1, 16, 16)
NEAR = torch.zeros(12, 1, 16, 16)


def test_the_page(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    figures = {
        "frechet_distance[digits, 60, test]": 12.3456,
        "frechet_distance[digits, class 3, 6, test]": 1e-5,
    }
    write_evaluation(out, "<my & model>", 'a "folder"', figures, SAMPLES, NEAR)
    page = out.read_text()
    assert "<h1>&lt;my &amp; model&gt;</h1>" in page
    assert "compared with a &quot;folder&quot;" in page
    assert "<td>12.35</td>" in page
    assert page.index("12.35") < page.index("By class") < page.index("1e-05")
    sheets = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(sheets) == 2
    sizes = []
    for number, sheet in enumerate(sheets):
        (tmp_path / f"{number}.png").write_bytes(base64.b64decode(sheet))
        sizes.append(images.read(tmp_path / f"{number}.png").shape[:2])
    # Magnified four times: 2 × 2 samples, and two rows of six.
    assert sizes == [(2 * 66 + 2, 2 * 66 + 2), (2 * 66 + 2, 6 * 66 + 2)]


def test_without_classes_there_is_one_table(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "a.html", "m", "d", {"psnr": 3}, SAMPLES, NEAR)
    page = (tmp_path / "a.html").read_text()
    assert page.count("<table>") == 1
    assert "By class" not in page


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.pdf: the report of an evaluation is an \.html"):
        write_evaluation(tmp_path / "a.pdf", "m", "d", {}, SAMPLES, NEAR)
    assert list(tmp_path.iterdir()) == []
