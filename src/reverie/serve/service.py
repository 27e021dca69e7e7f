"""The models and the queue behind the routes: what is loaded, computed, and being ended."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping

from starlette.requests import Request

from reverie.core.errors import UserError
from reverie.inference.tiling import is_out_of_memory
from reverie.serve.metrics import Metrics
from reverie.serve.models import ServedModel, load_models, model_of
from reverie.serve.options import ServeOptions
from reverie.serve.refusal import Refusal, try_later
from reverie.serve.work import Action
from reverie.serve.worker import Worker

SECONDS_TO_LOAD = 5.0
"""After which a request that came too early may be tried again."""


class Service:
    """What the routes share.

    Args:
        options: limits and timeouts.
        places: of the models, by the names under which they are served.
        load: loads them; in the worker's thread, while requests are answered with 503.
    """

    def __init__(
        self,
        options: ServeOptions,
        places: Mapping[str, str],
        load: Callable[[Mapping[str, str], str], dict[str, ServedModel]] = load_models,
    ) -> None:
        self.options, self.metrics = options, Metrics()
        self.models: dict[str, ServedModel] | None = None
        self.error: Exception | None = None
        """Why the models could not be loaded."""
        self.is_closing = False
        self._reading = self._answering = 0
        self._places, self._load = places, load
        self.worker = Worker(options.queue, options.batch, self._prepare, self.metrics.computed)
        self.metrics.watch(self.worker)

    def _prepare(self) -> None:
        try:
            self.models = self._load(self._places, self.options.device)
        except Exception as error:  # the server ends with it
            self.error = error

    @property
    def is_idle(self) -> bool:
        """Whether no accepted request is unanswered."""
        return self.worker.is_idle and not self._answering

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Context of a request that the server does not end without having answered it."""
        self._answering += 1
        try:
            yield
        finally:
            self._answering -= 1

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Context of reading a body; there are as many at a time as requests may wait.

        Raises:
            Refusal: if the queue is full, or too many bodies arrive at once.
        """
        self.worker.refuse_if_full()
        if self._reading >= self.options.queue:
            raise try_later(429, "too many requests arrive at once: try again later.", 1.0)
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    def ready(self) -> Mapping[str, ServedModel]:
        """The models by name.

        Raises:
            Refusal: if they are being loaded, or the server is ending.
        """
        if self.is_closing:
            raise Refusal(503, "the server is ending.", connection="close")
        if self.models is None:
            raise try_later(503, "the models are being loaded.", SECONDS_TO_LOAD)
        return self.models

    def model_for(self, name: str, action: str) -> ServedModel:
        """The model of a name, if it can do what is asked.

        Raises:
            Refusal: if there is none, or it cannot.
        """
        served = model_of(self.ready(), name)
        if action not in served.actions:
            can = " and ".join(served.actions) or "nothing that is served"
            raise Refusal(404, f"{name} does not {action}: it can {can}.")
        return served

    async def compute(self, action: Action, request: Request) -> object:
        """The result of an action; it is given up after the timeout, or when its client has gone.

        Raises:
            Refusal: if there was no place, time or memory for it.
            UserError: if it cannot be done.
        """
        ticket = self.worker.submit(action)
        result = asyncio.wrap_future(ticket.result)
        gone = asyncio.ensure_future(_gone(request))
        try:
            seconds = self.options.timeout
            await asyncio.wait({result, gone}, timeout=seconds, return_when="FIRST_COMPLETED")
            if result.done():
                return result.result()
            if gone.done():
                raise Refusal(400, "the client has gone.")
            if ticket.is_running:
                raise Refusal(504, f"this took longer than {seconds:g} seconds: ask for less.")
            wait = self.worker.seconds_of_queue
            raise try_later(503, f"this waited for {seconds:g} seconds: try again later.", wait)
        except UserError:
            raise
        except (RuntimeError, MemoryError) as error:
            if isinstance(error, RuntimeError) and not is_out_of_memory(error):
                raise
            raise Refusal(413, "there is not enough memory for this: ask for less.") from None
        finally:
            gone.cancel()
            if not result.done():
                self.worker.abandon(ticket)

    def close(self) -> None:
        """End the worker; what it has not finished is refused."""
        self.is_closing = True
        self.worker.close()


async def _gone(request: Request) -> None:
    """Wait until the client of a request, whose body was read, has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
