import math
import re

import pytest

from reverie.training.curves import (
    COLOURS,
    MAX_POINTS,
    Curves,
    curves_html,
    mean_points,
    panels_of,
    points_of,
    svg_of,
)
from reverie.training.quantities import quantity_of

GAN = ["discriminator", "discriminator/real", "discriminator/fake", "generator", "penalty/r1"]


def curves(label: str, steps: int = 3, names: tuple[str, ...] = ("bound",)) -> Curves:
    return Curves(label, {name: [(n, 1.0 / n) for n in range(1, steps + 1)] for name in names}, 2.0)


def paths(svg: str, colour: str) -> list[str]:
    """The points of the curves of a colour, those of the legend apart."""
    found = re.findall(rf'<path d="([^"]+)" clip-path[^>]+stroke: {colour}', svg)
    assert found
    return found


def test_no_axis_has_two_quantities() -> None:
    names = [*GAN, "discriminator/probability_real", "generators/likeness_ab", "bound", "bound/kl"]
    for single in (True, False):
        for panel in panels_of(names, single=single).values():
            assert len({quantity_of(name) for name in panel}) == 1


def test_panels_of_one_run() -> None:
    assert panels_of([*GAN, "generator/latents"], single=True) == {
        "loss": ["discriminator", "generator"],
        "logit": ["discriminator/real", "discriminator/fake"],
        "penalty": ["penalty/r1"],
        "terms of generator": ["generator/latents"],
    }


def test_several_runs_have_a_panel_for_each_number() -> None:
    assert panels_of(GAN, single=False) == {name: [name] for name in GAN}


def test_runs_keep_their_colours() -> None:
    """A run that has logged nothing yet takes none away from the others."""
    svg = svg_of([Curves("a", {}, 1.0), curves("b")])
    assert len(paths(svg, COLOURS[1])) == 1
    assert COLOURS[0] not in svg
    assert ">a<" not in svg


def test_twelve_runs_have_twelve_colours_and_more_have_dashes() -> None:
    assert len(set(COLOURS)) == 12
    svg = svg_of([curves(f"run {n}") for n in range(14)])
    assert all(f">run {n}<" in svg for n in range(14))
    assert len(paths(svg, COLOURS[0])) == 2
    assert "stroke-dasharray" in svg


def test_runs_of_one_label_are_thin_beside_their_mean() -> None:
    svg = svg_of([curves("a", 3), curves("a", 4), curves("b", 3)])
    assert len(paths(svg, COLOURS[0])) == 3
    assert len(paths(svg, COLOURS[1])) == 1
    assert svg.count(">a<") == 1


def test_the_mean_is_over_the_steps_that_all_have() -> None:
    assert mean_points([[(1, 1.0), (2, 3.0)], [(1, 2.0), (3, 9.0)]]) == [(1, 1.5)]


def test_steps_and_epochs_and_both_scales() -> None:
    page = curves_html([curves("a"), curves("b")], epochs=True)
    assert page.count("<svg") == 4
    assert page.count(">epoch</text>") == 2
    assert curves_html([curves("a")]).count("<svg") == 2
    assert curves_html([Curves("a", {}, 1.0)]) == "<p>nothing was logged yet</p>"


def test_labels_of_the_logarithmic_scale_are_numbers() -> None:
    page = svg_of([Curves("a", {"bound": [(1, 0.01), (2, 100.0)]}, 1.0)], scale="symlog")
    assert "mathdefault" not in page
    assert ">100<" in page


def test_the_images_of_a_page_share_no_id() -> None:
    """A clip path in a hidden image would hide the curves of the other."""
    page = curves_html([curves("a"), curves("b")], epochs=True)
    page += curves_html([curves("a", names=("x",)), curves("b", names=("x",))], epochs=True)
    clips = re.findall(r'<clipPath id="([^"]+)"', page)
    assert len(clips) == len(set(clips)) == 8


def test_long_logs_are_thinned_and_hostile_numbers_left_out() -> None:
    svg = svg_of([curves("a", 5000)])
    assert svg.count("L ") < MAX_POINTS + 100
    lines = [{"step": n, "losses": {"$x_1$": v}} for n, v in enumerate([1.0, math.inf, 1e300])]
    points = points_of(lines, "losses")
    assert [math.isnan(value) for _, value in points["$x_1$"]] == [False, True, True]
    assert "$x_1$" in svg_of([Curves("$a$", points, 1.0)])


@pytest.mark.parametrize("name", ["_hidden", "a\x00b", "<b>"])
def test_odd_names(name: str) -> None:
    svg = svg_of([Curves("run", {name: [(1, 0.5)], "other": [(1, 0.5)]}, 1.0)])
    assert "<b>" not in svg
    assert "\x00" not in svg
