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
.films input { width: 100%; max-width: 34rem; vertical-align: middle; margin: .5rem .8rem .5rem 0; }
.strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
.few .strip { display: block; max-width: 34rem; }
.strip figure { margin: 0; } .strip figcaption span { opacity: .7; }
.strip img { image-rendering: pixelated; width: 100%; border-radius: .4rem; }
input { accent-color: var(--accent); }
.row { display: flex; flex-wrap: wrap; gap: 1.6rem; align-items: flex-start; }
.row > div { flex: 1 1 16rem; min-width: 0; }
.row > div > img { image-rendering: pixelated; width: 100%; border-radius: .4rem; }
.curves svg { width: 100%; height: auto; background: #fff; border-radius: .6rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); }
.panels { gap: 1.2rem; }
.panels figure { margin: 0; } .panels figcaption { opacity: 1; font-size: .9rem; }
.panels p { margin: .35rem 0; } .mark { font-weight: 600; white-space: normal; }
.good { color: #15803d; } .watch { color: #b45309; } .bad { color: #dc2626; }
@media (prefers-color-scheme: dark) {
  .good { color: #4ade80; } .watch { color: #fbbf24; } .bad { color: #f87171; } }
.curves:not(.logarithmic) .symlog, .curves.logarithmic .linear,
.curves:not(.epochs) > .epochs, .curves.epochs > .steps { display: none; }
.scroll { overflow-x: auto; } .sortable { font-size: .85rem; }
.sortable th { cursor: pointer; vertical-align: bottom; } .sortable td { white-space: nowrap; }
.sortable th[data-order]::after { content: " ▲"; }
.sortable th[data-order="-1"]::after { content: " ▼"; }
.options { font-size: .85rem; } .options td:first-child { white-space: nowrap; }
.options td { max-width: 14rem; overflow-wrap: break-word; }
.upright th { vertical-align: bottom; }
.upright span { display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg); }
.swatch { display: inline-block; width: 1.4rem; height: .25rem; vertical-align: middle; }
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
document.querySelectorAll('.films').forEach(films => {
  const steps = JSON.parse(films.querySelector('script').textContent);
  const slider = films.querySelector('input'), output = films.querySelector('output');
  const figures = [...films.querySelectorAll('figure')].map(figure => [figure,
    JSON.parse(figure.querySelector('script').textContent)]);
  const show = () => {
    const now = steps[slider.value];
    output.textContent = 'step ' + now.toLocaleString('en');
    figures.forEach(([figure, sheets]) => {
      const found = sheets.filter(([step]) => step <= now).pop();
      const image = figure.querySelector('img');
      image.hidden = !found;
      if (found) image.src = 'data:image/png;base64,' + found[1];
      figure.querySelector('span').textContent =
        !found ? 'none yet' : found[0] < now ? 'step ' + found[0].toLocaleString('en') : '';
    });
  };
  slider.oninput = show; show();
});
document.querySelectorAll('.curves button').forEach(button => button.onclick = () =>
  button.closest('.curves').classList.toggle(button.dataset.switch));
document.querySelectorAll('.sortable th').forEach(head => head.onclick = () => {
  const body = head.closest('table').tBodies[0];
  const key = row => row.cells[head.cellIndex].dataset.value;
  const order = head.dataset.order === '1' ? -1 : 1;
  head.closest('tr').querySelectorAll('th').forEach(one => delete one.dataset.order);
  head.dataset.order = order;
  const compare = (a, b) => a === b ? 0 : a === '' ? 1 : b === '' ? -1
    : isNaN(a) || isNaN(b) ? order * (a < b ? -1 : 1) : order * (a - b);
  body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
});
"""


def data_uri(png: bytes) -> str:
    """A PNG file as the source of an <img>."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def page(title: str, body: str, refresh: int | None = None) -> str:
    """A whole page around `body`; the title must be escaped.

    Args:
        title: of the page.
        body: HTML.
        refresh: seconds after which a browser loads it again; None: never.
    """
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{PAGE_TAG}'
        f"<title>{title}</title>"
        '<meta name="viewport" content="width=device-width">'
        f"{again}"
        f"<style>{STYLE}</style><body>{body}<script>{SCRIPT}</script></body></html>\n"
    )


def text(value: object) -> str:
    """Any text, such as a file's name, for a page: escaped, and valid UTF-8."""
    return html.escape(str(value).encode("utf-8", "backslashreplace").decode())


def table(rows: Mapping[str, object]) -> str:
    """A table of two columns; keys and values are escaped."""
    cells = (f"<tr><td>{text(k)}</td><td>{text(v)}</td></tr>" for k, v in rows.items())
    return f"<table>{''.join(cells)}</table>"
