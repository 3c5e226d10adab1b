"""What a caller has linked to a task comes to the queue that it names, and to no worker of ours."""

from __future__ import annotations

import json

from devkit.deployment import poll


def test_a_callback_without_a_queue_is_refused_with_a_line_that_says_whose_it_was(service):
    worker = service.worker("--concurrency", "2").ready()
    task = service.send(service.replay("one"), link=service.caller.signature("notify"))
    told = f"refused callback of task {task.id} ("
    line = poll(lambda: [each for each in worker.text().splitlines() if told in each])[0]
    assert "'notify': queue replay-parse runs parseReplay alone; name a queue" in line
    assert task.get(timeout=30)["parser"] == "fake"
    assert "Traceback" not in worker.text()


def test_a_callback_with_a_queue_comes_there(service, redis_client):
    service.worker("--concurrency", "2").ready()
    theirs = {"link": "notify", "link_error": "alarm"}
    calls = {how: service.caller.signature(name).set(queue=name) for how, name in theirs.items()}
    good = service.send(service.replay("one"), **calls)
    bad = service.send("replays/none.replay", **calls)
    for task, name in ((good, "notify"), (bad, "alarm")):
        message = json.loads(poll(lambda name=name: redis_client.lindex(name, 0)))
        assert (message["headers"]["task"], message["headers"]["parent_id"]) == (name, task.id)
