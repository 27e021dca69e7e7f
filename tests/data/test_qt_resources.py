import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.data.qt_resources import read_resources
from tests.qt_resources import qt_archive

FILES = {
    "a/images/Ω.webp": b"omega",
    "a/images/deep/b.webp": b"",
    "a/text.txt": b"words" * 1000,
    "b.webp": bytes(range(256)),
}


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("compressed", [False, True])
def test_reads_what_was_written(version: int, compressed: bool) -> None:
    archive = qt_archive(FILES, version, compressed)
    assert dict(read_resources(archive, "", "")) == FILES
    assert list(read_resources(archive, "a/", ".webp")) == [
        ("a/images/deep/b.webp", b""),
        ("a/images/Ω.webp", b"omega"),
    ]


@given(st.data())
def test_damage_is_a_users_error(data: st.DataObject) -> None:
    archive = bytearray(qt_archive(FILES, compressed=True))
    for _ in range(data.draw(st.integers(1, 4))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(archive)))
    for content in (bytes(archive), bytes(archive[:cut])):
        with contextlib.suppress(UserError):
            list(read_resources(content, "", ""))


def test_a_folder_inside_of_itself_has_no_end() -> None:
    archive = bytearray(qt_archive({"a/b": b"x"}))
    archive[24 + 22 + 10 : 24 + 22 + 14] = (0).to_bytes(4, "big")  # the child of a is the root
    with pytest.raises(UserError, match="no end"):
        list(read_resources(bytes(archive), "", ""))
