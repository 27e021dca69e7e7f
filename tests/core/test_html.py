import base64
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from reverie.core.html import data_uri, page, table, text

PRINTABLE = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=20)


class Cells(HTMLParser):
    """The texts of the table's cells, and the names of all elements."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        self.cells[-1] += data


@given(st.dictionaries(PRINTABLE, PRINTABLE, max_size=4))
def test_a_table_shows_any_text_as_it_is(rows: dict[str, str]) -> None:
    parser = Cells()
    parser.feed(table(rows))
    parser.close()
    assert parser.cells == [text for row in rows.items() for text in row]
    assert parser.tags == ["table", *["tr", "td", "td"] * len(rows)]


def test_markup_in_a_table_is_escaped() -> None:
    made = table({"<b>": "</td><script>alert('&')</script>", "n": 3})
    assert "<script>" not in made
    assert "<td>&lt;b&gt;</td>" in made
    assert "<td>3</td>" in made


@given(st.binary(max_size=50))
def test_data_uris(png: bytes) -> None:
    head, _, body = data_uri(png).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body, validate=True) == png


def test_a_page_needs_nothing_beside_it() -> None:
    made = page("a title", "<p>the body</p>")
    assert made.startswith("<!doctype html>")
    assert "<title>a title</title>" in made
    assert made.index("<style>") < made.index("<p>the body</p>") < made.index("<script>")
    for link in ("http://", "https://", "src=", "href="):
        assert link not in made


def test_any_name_of_a_file_is_text() -> None:
    assert text("<img onerror=x>") == "&lt;img onerror=x&gt;"
    assert text("\udcff\ud800").encode() == rb"\udcff\ud800"
