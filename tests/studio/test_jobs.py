import errno
import threading
from pathlib import Path

import pytest

from reverie.studio.jobs import JobStore


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


def test_what_is_stored_is_read_again(store: JobStore, tmp_path: Path) -> None:
    job = store.add("train", {"out": "runs/ä"}, ["train", "vae"], "runs/ä", None)
    job = store.change(job, state="running", pid=7, result={"steps": 3}, argv=["x"])
    store.close()
    again = JobStore(tmp_path / "jobs.sqlite").find(job.id)
    assert again == job
    assert again.result == {"steps": 3}


@pytest.mark.parametrize("name", ["0", "99", "x", "", "-1", "1; DROP TABLE jobs", "9" * 40, "²"])
def test_no_such_job(store: JobStore, name: str) -> None:
    store.add("sample", {}, [], None, None)
    assert store.find(name) is None


def test_the_queue_has_an_order(store: JobStore) -> None:
    one, two, three = (store.add("sample", {}, [], None, None) for _ in range(3))
    assert [job.id for job in store.queued()] == [one.id, two.id, three.id]
    store.order([three.id, "77", one.id])
    assert [job.id for job in store.queued()] == [three.id, one.id, two.id]
    store.change(three, state="running")
    assert [job.id for job in store.queued()] == [one.id, two.id]
    assert [job.id for job in store.active()] == [three.id]
    store.remove(two)
    assert [job.id for job in store.all()] == [three.id, one.id]


def test_many_threads_at_once(store: JobStore) -> None:
    def work() -> None:
        for _ in range(30):
            job = store.add("sample", {}, ["a"], None, None)
            store.change(job, state="done")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {job.state for job in store.all()} == {"done"}
    assert len(store.all()) == 180


def test_a_full_disk_changes_nothing(store: JobStore) -> None:
    one, two = (store.add("sample", {}, [], None, None) for _ in range(2))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    large = ["x" * 100_000]
    for change in (
        lambda: store.add("sample", {}, large, None, None),
        lambda: store.change(one, argv=large, state="running"),
    ):
        with pytest.raises(OSError, match="the disk is full") as caught:
            change()
        assert caught.value.errno == errno.ENOSPC
    assert store.all() == [two, one]
    store._connection.execute("PRAGMA max_page_count = 100000")
    assert store.change(one, argv=large).argv == large
