from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.methods.base_recipe import RecipeSources, check_resumable, find_base_recipe
from reverie.methods.presets import recipe_for

RUN = recipe_for("vae").with_options(seed=7)
SOURCES = RecipeSources(recipe_for, lambda folder: RUN)


def test_where_a_training_starts(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("method = 'gan'\nseed = 3")
    preset = find_base_recipe(SOURCES, "vae", tmp_path, "digits-2", False)
    assert preset == recipe_for("vae", "digits-2")
    assert find_base_recipe(SOURCES, "vae", tmp_path, "auto", False) == recipe_for("vae")
    file = find_base_recipe(SOURCES, None, tmp_path, None, False, tmp_path / "r.toml")
    assert file == recipe_for("gan").with_options(seed=3)
    assert find_base_recipe(SOURCES, None, tmp_path, None, True) == RUN


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((None, None, False, None), "say which method is trained"),
        (("gan", None, True, None), "trains a vae, not a gan"),
        (("vae", "small", True, None), "--preset small is for a new run"),
        (("vae", None, True, Path("r.toml")), "--config is for a new run"),
        (("vae", "small", False, Path("r.toml")), "--preset does not go with --config"),
    ],
)
def test_contradictions(
    asked: tuple[str | None, str | None, bool, Path | None], message: str
) -> None:
    method, preset, resume, config = asked
    with pytest.raises(UserError, match=message):
        find_base_recipe(SOURCES, method, Path("run"), preset, resume, config)


def test_what_may_change_when_a_run_goes_on() -> None:
    check_resumable(RUN, RUN.with_options(steps=9, log_every="3"))
    with pytest.raises(UserError, match="was started with --latent-size 20, not 7"):
        check_resumable(RUN, RUN.with_options(latent_size=7))
