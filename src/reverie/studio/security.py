"""Who may use the studio: the token, the host and origin of a request, and headers of answers."""

import hmac

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from reverie.core.address import is_of_another_site
from reverie.core.response_headers import with_headers

COOKIE = "reverie_studio"
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
LONGEST_BODY = 2_000_000
"""Of a request that is no upload, in bytes."""


class Guard:
    """Middleware that answers only requests with the token, to and from this address.

    Args:
        app: what answers the others.
        token: in a cookie, which `/?token=` sets, or in a bearer header.
        hosts: host names, with the port, under which the studio is reached. Others are refused,
            so that a page of a foreign name that resolves to this address reads nothing.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: frozenset[str]) -> None:
        self.app, self.token, self.hosts = app, token, hosts
        port = next(iter(hosts)).rpartition(":")[2]
        self.cookie = f"{COOKIE}_{port}"  # cookies do not tell ports apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        send = with_headers(send, HEADERS)
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | RedirectResponse | None:
        """The answer to a request that is not let in; None for one that is."""
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self.hosts:
            return _refuse(403, "this address is not that of the studio.")
        if is_of_another_site(headers, scope["method"], self.hosts):
            return _refuse(403, "requests of other sites are refused.")
        given = QueryParams(scope["query_string"]).get("token")
        if given is not None and scope["path"] == "/" and scope["method"] == "GET":
            return self._log_in(given)
        if not self._knows(headers):
            return _refuse(401, "open the address that reverie studio printed: it has the token.")
        length = headers.get("content-length", "0")
        is_upload = scope["path"] == "/api/uploads"
        if not length.isdecimal() or (int(length) > LONGEST_BODY and not is_upload):
            return _refuse(413, "this request is too large.")
        return None

    def _log_in(self, given: str) -> JSONResponse | RedirectResponse:
        """Set the cookie and go on without the token in the address."""
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return _refuse(401, "this token is not that of the studio that is running now.")
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            self.cookie, self.token, max_age=30 * 86_400, httponly=True, samesite="strict"
        )
        return answer

    def _knows(self, headers: Headers) -> bool:
        """Whether a request has the token."""
        given = [headers.get("authorization", "").removeprefix("Bearer ")]
        for part in headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == self.cookie:
                given.append(value)
        return any(hmac.compare_digest(one.encode(), self.token.encode()) for one in given)


def _refuse(status: int, error: str) -> JSONResponse:
    return JSONResponse({"error": error, "field": None}, status)
