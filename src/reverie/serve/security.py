"""Whom the server answers: who has the token, or, without one, programs of this machine."""

import hmac

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from reverie.core.address import is_of_another_site
from reverie.core.response_headers import with_headers

FREE = frozenset(["/healthz"])
"""Paths that are answered without the token."""
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Middleware that answers only who has the token.

    Args:
        app: what answers the others.
        token: of the bearer header. Without one, a page of another site that a browser of this
            machine shows could ask as well, so host and origin must be this machine's.
        hosts: host names, with the port, under which the server is reached without a token.
    """

    def __init__(self, app: ASGIApp, token: str | None, hosts: frozenset[str]) -> None:
        self.app, self.token, self.hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        send = with_headers(send, HEADERS)
        refusal = None if scope["path"] in FREE else self._refusal(scope)
        await (self.app if refusal is None else refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        """The answer to a request that is not let in; None for one that is."""
        headers = Headers(scope=scope)
        if self.token is not None:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            same = hmac.compare_digest(given.strip().encode(), self.token.encode())
            if same and scheme.lower() == "bearer":
                return None
            return _refuse(
                401, "send the token of this server, as the header authorization: Bearer TOKEN.",
                {"www-authenticate": "Bearer"},
            )  # fmt: skip
        if headers.get("host", "").lower() not in self.hosts:
            return _refuse(403, "this address is not that of the server.")
        if is_of_another_site(headers, scope["method"], self.hosts):
            return _refuse(403, "requests of other sites are refused.")
        return None


def _refuse(status: int, error: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": error}, status, headers)
