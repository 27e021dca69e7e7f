import re

from reverie.training.curves import Curves
from reverie.training.panels import panels_html, verdicts_html
from reverie.training.quantities import VALUE

STEPS = range(100, 3100, 100)
POINTS = {
    "bound": [(step, 1000 / step) for step in STEPS],
    "bound/kl": [(step, 0.01) for step in STEPS],
}


def test_each_quantity_has_a_panel_with_a_sentence_and_a_verdict_for_each_curve() -> None:
    page = panels_html(Curves("a", POINTS, 125.0), {"bound/kl": "How <far> it is."})
    assert page.count("<figure>") == 2
    assert page.count("<svg") == 4  # linear and logarithmic
    assert page.count(">epoch</text>") == 4
    assert "<b>bound/kl</b> How &lt;far&gt; it is." in page
    assert re.findall(r'class="mark (\w+)">(.)', page) == [("good", "✓"), ("bad", "✗")]


def test_what_is_wrong_comes_first() -> None:
    short = verdicts_html([Curves("a", POINTS, 125.0)])
    assert short.startswith('<h2>In short</h2><p><b>bound/kl</b> <span class="mark bad">✗ 0.01')
    assert "✓ 1 curve as expected" in short
    early = {"bound": POINTS["bound"][:3]}
    assert "Too early to judge" in verdicts_html([Curves("a", early, 125.0)])
    assert verdicts_html([Curves("a", {}, 1.0)]) == ""


def test_numbers_of_callbacks_have_panels_of_their_own() -> None:
    points = {name: [(1, 2.0), (2, 3.0)] for name in ("mine", "gradient/unet")}
    page = panels_html(Curves("a", points, 1.0, VALUE), {})
    assert page.count("<figure>") == 2
    assert page.count(">value</text>") == 2
    assert page.count(">norm of the gradient</text>") == 2


def test_before_the_first_line() -> None:
    assert panels_html(Curves("a", {}, 1.0), {}) == "<p>nothing was logged yet</p>"
