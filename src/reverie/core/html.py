"""HTML pages that need nothing beside them: one style, one script, images as data URIs."""

import base64
import html
from collections.abc import Mapping

from reverie.core.marks import PAGE_TAG

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #2563eb; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
.about { opacity: .7; margin: .2rem 0 1.2rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; }
.tile { background: var(--soft); border-radius: .6rem; padding: .6rem 1rem; min-width: 7rem; }
.tile b { display: block; font-size: 1.25rem; } .tile span { opacity: .7; font-size: .85rem; }
.film { max-width: 34rem; }
.film img { image-rendering: pixelated; width: 100%; border-radius: .4rem; }
.film input { width: 100%; display: block; margin: .5rem 0; }
input { accent-color: var(--accent); }
.row { display: flex; flex-wrap: wrap; gap: 1.6rem; align-items: flex-start; }
.row > div { flex: 1 1 16rem; min-width: 0; }
.row > div > img { image-rendering: pixelated; width: 100%; border-radius: .4rem; }
.curves svg { width: 100%; height: auto; background: #fff; border-radius: .6rem; }
.curves .log { display: none; } .curves.logarithmic .log { display: block; }
.curves.logarithmic .linear { display: none; }
button { font: inherit; border: 1px solid var(--line); background: none; border-radius: .4rem;
  padding: .15rem .7rem; cursor: pointer; color: inherit; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .2rem .8rem
  .2rem 0; border-bottom: 1px solid var(--soft); vertical-align: top; }
figure { margin: 1.2rem 0; } figure > img { max-width: 100%; border-radius: .4rem; }
figcaption { opacity: .75; max-width: 46rem; }
.images { border-spacing: .6rem; border-collapse: separate; width: auto; }
.images img { display: block; border-radius: .4rem; width: 16rem; }
.images td { border: 0; opacity: 1; }
td { font-variant-numeric: tabular-nums; } td:first-child { opacity: .75; }
"""


SCRIPT = """
document.querySelectorAll('.film').forEach(film => {
  const sheets = JSON.parse(film.querySelector('script').textContent);
  const image = film.querySelector('img'), slider = film.querySelector('input');
  const caption = film.querySelector('figcaption');
  const show = () => { const [step, data] = sheets[slider.value];
    image.src = 'data:image/png;base64,' + data; caption.textContent = 'step ' + step; };
  slider.oninput = show; show();
});
document.querySelectorAll('.curves button').forEach(button => button.onclick = () =>
  button.closest('.curves').classList.toggle('logarithmic'));
"""


def data_uri(png: bytes) -> str:
    """A PNG file as the source of an <img>."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def page(title: str, body: str) -> str:
    """A whole page around `body`; the title must be escaped."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{PAGE_TAG}'
        f"<title>{title}</title>"
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style><body>{body}<script>{SCRIPT}</script></body></html>\n"
    )


def text(value: object) -> str:
    """Any text, such as a file's name, for a page: escaped, and valid UTF-8."""
    return html.escape(str(value).encode("utf-8", "backslashreplace").decode())


def table(rows: Mapping[str, object]) -> str:
    """A table of two columns; keys and values are escaped."""
    cells = (f"<tr><td>{text(k)}</td><td>{text(v)}</td></tr>" for k, v in rows.items())
    return f"<table>{''.join(cells)}</table>"
