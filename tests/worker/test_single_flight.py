"""One replay wanted by many at once is fetched, uploaded and parsed once."""

from __future__ import annotations

from devkit.deployment import poll


def test_many_callers_over_two_workers_and_two_names_cause_one_upload(service):
    service.worker("--concurrency", "4").ready()
    service.worker("--concurrency", "4").ready()
    service.remote_is(pending_s=2, slow_s=0.3)
    names = [service.replay("one"), service.replay("same-content")]
    tasks = [service.send(names[n % 2]) for n in range(10)]
    results = [task.get(timeout=60) for task in tasks]
    assert len(service.uploads) == 1
    assert {r["data"]["sha256"] for r in results} == {service.uploads[0]}
    for task in tasks:
        assert len(service.analytics(task.id)) == 1
        assert [e["status"] for e in service.progress(task.id)][-1] == "Complete"


def test_different_contents_are_never_mixed_up(service):
    service.worker("--concurrency", "8").ready()
    service.remote_is(pending_s=0.5)
    tasks = {seed: service.send(service.replay(f"r{seed}", seed=seed)) for seed in range(8)}
    answers = {seed: task.get(timeout=60)["data"]["sha256"] for seed, task in tasks.items()}
    assert len(set(answers.values())) == 8
    for seed, task in tasks.items():
        again = service.send(f"replays/r{seed}.replay").get(timeout=30)
        assert again["data"]["sha256"] == answers[seed] == task.result["data"]["sha256"]


def test_a_dead_holder_is_taken_over_within_seconds(service):
    first = service.worker().ready()
    service.remote_is(slow_s=60)
    holder = service.send(service.replay("one"))
    poll(lambda: holder.state == "STARTED")
    service.worker().ready()
    service.remote_is(slow_s=0)
    joiner = service.send(service.replay("other-name"))
    poll(lambda: joiner.state == "WAITING")
    first.kill()
    assert joiner.get(timeout=20)["parser"] == "fake"
    assert holder.get(timeout=20)["parser"] == "fake"
    assert len(service.uploads) == 1
