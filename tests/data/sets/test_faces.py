import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reverie.core.errors import UserError
from reverie.data.expressions import parse_group
from reverie.data.sets import faces
from reverie.data.sets.faces import (
    ATTRIBUTES,
    Face,
    FacesOptions,
    closest,
    draw,
    get_faces,
    random_face,
)

EXPRESSIONS = (
    "Eyeglasses",
    "Male & Eyeglasses",
    "!Mustache",
    "Mustache | !Male",
    "!(Male & Smiling)",
)

draws = all(importlib.util.find_spec(name) for name in ("python_avatars", "resvg_py"))
needs_drawing = pytest.mark.skipif(not draws, reason="nothing draws faces here")


def pixels(face: Face, side: int = 64) -> np.ndarray:
    with Image.open(io.BytesIO(draw(face, side))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@given(st.integers(0, 10**7))
def test_a_face_is_a_function_of_its_number(number: int) -> None:
    face = random_face(number)
    assert face == random_face(number)
    assert face.attributes <= set(ATTRIBUTES)
    assert "Male" in face.attributes or "Mustache" not in face.attributes


@given(st.integers(0, 1000), st.sampled_from(ATTRIBUTES), st.booleans())
def test_one_attribute_changes_alone(number: int, attribute: str, wanted: bool) -> None:
    face = random_face(number)
    changed = face.with_attribute(attribute, wanted)
    assert (attribute in changed.attributes) == wanted
    assert changed.attributes ^ face.attributes <= {attribute}
    assert changed.number == face.number
    assert changed.with_attribute(attribute, attribute in face.attributes) == face


def test_attributes_are_independent_and_even() -> None:
    """Within four standard deviations of 1/2, and of 1/4 for two at once."""
    rows = [random_face(number).attributes for number in range(4000)]
    for name in ("Male", "Eyeglasses", "Smiling", "Wearing_Hat"):
        assert np.mean([name in row for row in rows]) == pytest.approx(0.5, abs=4 * 0.5 / 63)
        both = np.mean([{"Male", name} <= row for row in rows])
        assert both == pytest.approx(0.5 if name == "Male" else 0.25, abs=4 * 0.5 / 63)


@needs_drawing
def test_glasses_change_the_eyes_alone() -> None:
    face = random_face(7).with_attribute("Eyeglasses", False)
    face = face.with_attribute("Wearing_Hat", False)
    changed = np.abs(pixels(face) - pixels(face.with_attribute("Eyeglasses", True))).max(-1) > 8
    rows, columns = np.nonzero(changed)
    left, upper, right, lower = (edge * 64 for edge in faces.EYES)
    assert len(rows) > 20
    assert (upper - 2 <= rows).all()
    assert (rows <= lower + 2).all()
    assert (left - 2 <= columns).all()
    assert (columns <= right + 2).all()


@needs_drawing
def test_two_domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "TEST_COUNT", 2)
    counts = get_faces(tmp_path / "faces", "Smiling", train_count=3, side=16)
    assert counts == {"trainA": 3, "trainB": 3, "testA": 2, "testB": 2}
    names = {f: {p.name for p in (tmp_path / "faces" / f).iterdir()} for f in counts}
    assert not names["trainA"] & names["trainB"]  # different people
    assert names["testA"] == names["testB"]  # the same people
    assert not names["testA"] & (names["trainA"] | names["trainB"])
    for name in names["testA"]:
        number = int(Path(name).stem)
        drawn = draw(random_face(number).with_attribute("Smiling", True), 16)
        assert (tmp_path / "faces" / "testB" / name).read_bytes() == drawn


@given(st.integers(0, 10_000), st.sampled_from(EXPRESSIONS))
def test_the_closest_face_of_a_group(number: int, expression: str) -> None:
    group = parse_group(expression, faces.ATTRIBUTES)
    face = random_face(number)
    found = closest(face, group)
    assert found.number == number
    assert found.attributes in faces.POSSIBLE
    assert faces._is_member(found.attributes, group)
    if faces._is_member(face.attributes, group):
        assert found == face
    fewest = min(
        len(other ^ face.attributes) for other in faces.POSSIBLE if faces._is_member(other, group)
    )
    assert len(found.attributes ^ face.attributes) == fewest


def test_glasses_are_taken_from_men_and_women() -> None:
    for expression in ("Male & Eyeglasses", "!Male & Eyeglasses"):
        with_it = parse_group(expression, faces.ATTRIBUTES)
        without = parse_group(f"!({expression})", faces.ATTRIBUTES)
        for number in range(50):
            order = ("Male", "Eyeglasses")
            b = closest(random_face(number), with_it, order)
            assert closest(b, without, order) == b.with_attribute("Eyeglasses", False)


def test_impossible_faces() -> None:
    with pytest.raises(UserError, match="only male faces have moustaches"):
        closest(random_face(0), parse_group("Mustache & !Male", faces.ATTRIBUTES))


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no attribute 'Smilling'; did you mean 'Smiling'"):
        get_faces(tmp_path / "faces", "Smilling")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'pip install "reverie\[faces\]"'):
        draw(Face(0))


def test_the_folder_is_named_after_the_attribute() -> None:
    assert FacesOptions().folder_name("faces") == "faces"
    assert FacesOptions(attribute="Male").folder_name("faces") == "faces-Male"
    one, other = (FacesOptions(attribute=x) for x in ("Male & Eyeglasses", "Male | Eyeglasses"))
    assert one.folder_name("faces").startswith("faces-Male-Eyeglasses-")
    assert one.folder_name("faces") != other.folder_name("faces")
    with pytest.raises(UserError, match="--count must be at least 1"):
        FacesOptions(count=0)


def test_options_reach_what_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        faces, "get_faces", lambda out, *words: calls.append(words) or {"trainA": 1}
    )
    monkeypatch.setattr(
        faces, "get_labelled_faces", lambda out, count: calls.append((count,)) or {"faces": count}
    )
    assert faces.fetch_faces(Path(), FacesOptions(count=5)) == {"trainA": 1, "faces": 5}
    assert calls == [(), (5,)]
    assert faces.fetch_faces(Path(), FacesOptions(attribute="Male", count=7)) == {"trainA": 1}
    faces.fetch_faces(Path(), FacesOptions(attribute="Male"))
    faces.fetch_faces(Path(), FacesOptions())
    assert calls[2:] == [("Male", 7), ("Male", 1500), (), (20_000,)]


@needs_drawing
def test_the_count_is_that_of_an_attributes_faces(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(faces, "TEST_COUNT", 1)
    counts = faces.fetch_faces(tmp_path / "faces", FacesOptions(attribute="Male", count=2))
    assert counts == {"trainA": 2, "trainB": 2, "testA": 1, "testB": 1}
    assert {f: len(list((tmp_path / "faces" / f).iterdir())) for f in counts} == counts
