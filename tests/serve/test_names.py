from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.serve.names import short_names


def test_names_are_those_of_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = ["digits", "runs/faces", "runs/emoji/", "hf:somebody/flowers", "x/latest_net_G.pth"]
    assert list(short_names(places)) == ["digits", "faces", "emoji", "flowers", "latest_net_G"]
    assert short_names(["."]) == {tmp_path.name: "."}


@pytest.mark.parametrize("places", [["digits", "digits"], ["a/x", "b/x"], ["x", "hf:me/x"]])
def test_equal_names_are_refused(places: list[str]) -> None:
    with pytest.raises(UserError, match="would both be served as"):
        short_names(places)


@pytest.mark.parametrize("place", ["/", "runs/my model", "runs/what?"])
def test_names_that_no_path_can_have_are_refused(place: str) -> None:
    with pytest.raises(UserError, match="rename it"):
        short_names([place])
