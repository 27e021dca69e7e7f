"""The figures, as Prometheus' own parser reads them."""

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.serve.conftest import Connect


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    text = client.get("/metrics").text
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_answers_images_and_times_are_counted(connect: Connect) -> None:
    with connect() as client:
        client.post("/models/digits/sample", json={"count": 3, "steps": 1})
        client.post("/models/digits/sample", json={"count": 0})
        client.get("/somewhere/else")
        found = figures(client)
    route = "/models/{name}/sample"
    assert found["reverie_requests_total", route, "200"] == 1
    assert found["reverie_requests_total", route, "422"] == 1
    assert found["reverie_requests_total", "other", "404"] == 1
    assert found["reverie_request_seconds_count", route] == 2
    assert found["reverie_images_total", "sample", "digits"] == 3
    assert found["reverie_batch_images_sum", "sample"] == 3
    assert found["reverie_batch_requests_sum", "sample"] == 1
    assert found["reverie_compute_seconds_count", "sample"] == 1
    assert found["reverie_queue_length",] == 0
    assert found["process_resident_memory_bytes",] > 1e7


def test_unknown_paths_share_one_series(connect: Connect) -> None:
    with connect() as client:
        for number in range(20):
            client.get(f"/x{number}")
            client.get(f"/models/x{number}")
        names = [one for one in figures(client) if one[0] == "reverie_requests_total"]
    assert len(names) == 2
