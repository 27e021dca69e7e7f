import asyncio

from reverie.studio import events
from reverie.studio.events import MOST_WAITING, Events, message


def test_an_event_on_the_wire() -> None:
    assert message("job", {"id": "ä\n"}) == 'event: job\ndata: {"id": "\\u00e4\\n"}\n\n'


def test_every_listener_gets_what_is_published() -> None:
    async def listen() -> list[list[str]]:
        hub = Events()
        streams = [hub.listen("first") for _ in range(3)]
        got = [[await anext(stream)] for stream in streams]
        assert hub.listeners == 3
        await asyncio.to_thread(hub.publish, "job", {"id": "1"})
        for one, stream in zip(got, streams, strict=True):
            one.append(await anext(stream))
        for stream in streams:
            await stream.aclose()
        assert hub.listeners == 0
        return got

    assert asyncio.run(listen()) == [["first", message("job", {"id": "1"})]] * 3


def test_a_page_that_reads_no_more_is_cut_off() -> None:
    async def listen() -> int:
        hub = Events()
        stream = hub.listen("first")
        await anext(stream)
        for _ in range(MOST_WAITING + 10):
            hub.publish("job", {})
        await asyncio.sleep(0.05)
        return len([text async for text in stream])

    assert asyncio.run(listen()) < MOST_WAITING


def test_comments_keep_the_line_open(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(events, "SECONDS_BETWEEN_SIGNS", 0.01)

    async def listen() -> str:
        stream = Events().listen("first")
        await anext(stream)
        return await anext(stream)

    assert asyncio.run(listen()) == ": keep-alive\n\n"


def test_closing_ends_all_streams() -> None:
    async def listen() -> list[str]:
        hub = Events()
        stream = hub.listen("first")
        await anext(stream)
        hub.close()
        return [text async for text in stream]

    assert asyncio.run(listen()) == []
