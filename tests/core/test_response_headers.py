import asyncio

from reverie.core.response_headers import Message, with_headers


def test_headers_are_added_where_an_answer_has_none_of_the_name() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def answer() -> None:
        extended = with_headers(send, {"a": "1", "b": "2"})
        own = [(b"B", b"own"), (b"c", b"3")]
        await extended({"type": "http.response.start", "status": 200, "headers": own})
        await extended({"type": "http.response.start", "status": 204})
        await extended({"type": "http.response.body", "body": b""})

    asyncio.run(answer())
    assert sent[0]["headers"] == [(b"B", b"own"), (b"c", b"3"), (b"a", b"1")]
    assert sent[1]["headers"] == [(b"a", b"1"), (b"b", b"2")]
    assert sent[2] == {"type": "http.response.body", "body": b""}
