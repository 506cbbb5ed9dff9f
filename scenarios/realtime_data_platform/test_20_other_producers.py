"""A message that somebody else writes into the topic of a table is noticed, or harmless."""

import json

import pytest
from confluent_kafka import Producer

from fixtures.waiting import eventually
from scenarios.realtime_data_platform.command import data_platform
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN


@pytest.fixture
def write(kafka):
    """Writes messages into a topic, as anybody can who reaches Kafka."""
    producer = Producer({"bootstrap.servers": str(kafka.address())})

    def write(topic, *values):
        for value in values:
            producer.produce(topic, value)
        assert producer.flush(30) == 0

    return write


@pytest.mark.claim("rdp-34")
def test_message_that_is_no_change_is_noticed(make_pipeline, platform, write, evidence):
    pipeline = make_pipeline("written_by_others").start("corrected")
    assert data_platform(platform, "status", pipeline.name)[0] == 0
    write(pipeline.name, b"no JSON", b"[1]", b"{}", b'{"payload": null}', b'{"id": 1, "name": "other"}')
    pipeline.insert(4, "Dana")
    pipeline.until_equal()

    code, _, errors = data_platform(platform, "status", pipeline.name)

    assert code == 4
    assert "topic written_by_others has messages of another producer, which are no changes of the table (" in errors
    evidence.text("status of a topic that somebody else writes to", errors)
    assert data_platform(platform, "remove", pipeline.name, "--yes", "--topic")[0] == 0
    assert data_platform(platform, "apply", pipeline.name)[0] == 0
    pipeline.until_equal()
    assert data_platform(platform, "status", pipeline.name)[0] == 0


@pytest.mark.claim("rdp-34")
def test_message_that_looks_like_a_change_is_found(make_pipeline, platform, write):
    pipeline = make_pipeline("forged").start("corrected")
    pipeline.insert(4, "Dana")
    pipeline.until_equal()
    message = json.loads(pipeline.messages(at_least=4)[-1].value())
    message["payload"]["after"]["name"] = "forged"
    message["payload"]["source"]["lsn"] += 1
    write(pipeline.name, json.dumps(message))

    eventually(lambda: ("forged",) in pipeline.view("name"), within=VISIBLE_WITHIN)
    code, output, _ = data_platform(platform, "verify", pipeline.name)

    assert code == 1
    assert "forged" in output
