"""Headers that a server adds to each of its answers."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


def with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """An ASGI `send` that adds headers to an answer that does not have them.

    Args:
        send: of the server.
        headers: by their names in lower case.
    """
    added = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", ()))
            known = {name.lower() for name, _ in own}
            message["headers"] = [*own, *(one for one in added if one[0] not in known)]
        await send(message)

    return send_with_headers
