"""What commands print."""

from typing import Any

Result = tuple[dict[str, Any], str]
"""What `--json` prints, and what a person reads."""


INTERRUPTED = 130


class CommandInterrupted(KeyboardInterrupt):
    """Someone stopped a command, which says what is done."""


def lines_of(facts: dict[str, Any], indent: str = "") -> str:
    """Facts as a person reads them, nested ones indented."""
    width = max((len(str(key)) for key in facts), default=0)
    lines = []
    for key, value in facts.items():
        if isinstance(value, dict):
            lines.append(f"{indent}{key}" + (":" if value else ": none"))
            lines += [lines_of(value, indent + "  ")] if value else []
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else value
            lines.append(f"{indent}{key!s:<{width}}  {shown}")
    return "\n".join(lines)


def _given(command: Any, *names: str) -> dict[str, Any]:
    """The flags among `names` that were given."""
    return {name: getattr(command, name) for name in names if getattr(command, name) is not None}
