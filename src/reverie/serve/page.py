"""The page of the server: its models, and how to ask for each from a shell."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from reverie.core.html import page, table, text
from reverie.serve.models import ServedModel
from reverie.serve.work import ACTIONS

FORM = "-F image=@image.png"
EXAMPLES: Mapping[str, str] = {
    "sample": "-d '{\"seed\": 7}'",
    "translate": FORM,
    "upscale": FORM,
    "edit": FORM,
    "reconstruct": FORM,
}
"""What curl sends for each action."""


def index_page(models: Sequence[ServedModel], address: str) -> str:
    """The models as a page.

    Args:
        models: in the order in which they were named.
        address: of the server, without a slash at its end.
    """
    body = (
        "<h1>reverie serve</h1>"
        '<p class="about">Answers other programs: <a href="/models">/models</a>, '
        '<a href="/openapi.json">/openapi.json</a>, <a href="/metrics">/metrics</a>, '
        '<a href="/healthz">/healthz</a>. Where the server has a token, add '
        '<code>-H "authorization: Bearer $REVERIE_TOKEN"</code>.</p>'
    )
    return page("reverie serve", body + "".join(_section(one, address) for one in models))


def _section(served: ServedModel, address: str) -> str:
    facts = served.to_json()
    shown = {
        "method": f"{facts['method']}: {facts['about']}",
        "image size": str(served.model.method.spec.size),
        "classes": ", ".join(served.model.class_names) or "none",
    }
    for name in ("directions", "scale", "attributes"):
        if name in facts:
            value = facts[name]
            shown[name] = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    examples = "\n".join(_example(served, action, address) for action in served.actions)
    return f'<h2>{text(served.name)}</h2>{table(shown)}<pre class="scroll">{text(examples)}</pre>'


def _example(served: ServedModel, action: str, address: str) -> str:
    query = ""
    if action == "edit" and served.editor is not None:
        query = f"?add={quote(next(iter(served.editor.directions), 'NAME'))}=1.0"
    url = f"{address}/models/{quote(served.name)}/{action}{query}"
    about = ACTIONS[action].about
    return f"# {about}\ncurl '{url}' {EXAMPLES[action]} -o {action}.png"
