"""A client of `reverie serve` in Python's standard library.

    python client.py sample digits three.png label=3 seed=7
    python client.py upscale photos-x4 large.png --image photo.jpg scale=2

The server's address is in REVERIE_URL, its token in REVERIE_TOKEN. A server that is busy or being
started says when to ask again, and is asked again.
"""

import argparse
import json
import mimetypes
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

TRIES = 10
BUSY = (429, 503)


class Client:
    """One server. Every method answers with the bytes of a PNG."""

    def __init__(self, url: str = "http://127.0.0.1:8000", token: str | None = None) -> None:
        self.url, self.token = url.rstrip("/"), token

    def models(self) -> list[dict]:
        """What each model can do."""
        return json.loads(self._ask("/models"))["models"]

    def sample(self, model: str, **options: object) -> bytes:
        """One image of a seed; a sheet where `count` asks for several."""
        return self._ask(
            f"/models/{model}/sample", json.dumps(options).encode(), "application/json"
        )

    def send(self, action: str, model: str, image: bytes, kind: str, **options: object) -> bytes:
        """Translate, upscale, edit or reconstruct an image of a media type."""
        query = urllib.parse.urlencode(options, doseq=True)
        return self._ask(f"/models/{model}/{action}?{query}", image, kind)

    def _ask(self, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        """The answer to a request; waits and asks again while the server is busy.

        Raises:
            RuntimeError: if the server refuses; has its sentence.
        """
        headers = {"content-type": kind} if body is not None else {}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, body, headers)
        for left in reversed(range(TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return answer.read()
            except urllib.error.HTTPError as refused:
                with refused:
                    sentence = json.load(refused)["error"]
                    if refused.code not in BUSY or not left:
                        raise RuntimeError(f"{refused.code}: {sentence}") from None
                    time.sleep(float(refused.headers.get("retry-after", 1)))
        raise AssertionError("unreachable")


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("action", help="sample, translate, upscale, edit or reconstruct")
    parser.add_argument("model")
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("options", nargs="*", help="NAME=VALUE")
    parser.add_argument("--image", type=Path, help="what is sent")
    arguments = parser.parse_intermixed_args()
    url = os.environ.get("REVERIE_URL", "http://127.0.0.1:8000")
    client = Client(url, os.environ.get("REVERIE_TOKEN"))
    options = dict(one.split("=", 1) for one in arguments.options)
    try:
        if arguments.image is None:
            values = {name: _number_or_text(value) for name, value in options.items()}
            made = client.sample(arguments.model, **values)
        else:
            kind = mimetypes.guess_type(arguments.image)[0] or "application/octet-stream"
            image = arguments.image.read_bytes()
            made = client.send(arguments.action, arguments.model, image, kind, **options)
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    arguments.out.write_bytes(made)
    return 0


def _number_or_text(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value


if __name__ == "__main__":
    sys.exit(main())
