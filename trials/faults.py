"""What may happen to a deployment: each is done to it, and over when the call returns."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from trials.fleet import Fleet
from trials.promises import Upheaval

#: How long something stays frozen or away, seconds. A worker that is frozen for longer than five is
#: taken for dead by the others.
FROZEN_S = (0.5, 8.0)
AWAY_S = (0.1, 2.0)
AGAIN_S = (0.2, 2.0)
#: A task gives up on a storage that was away at four attempts in a row, 84 seconds apart in all.
#: Outages that can't meet four are no reason to fail, so there are no more of them.
MOST_STORE_OUTAGES = 3
STORE_FROZEN_S = (0.5, 3.0)


@dataclass(slots=True)
class Faults:
    """Does them at random. ``done`` counts them by name."""

    fleet: Fleet
    dice: random.Random
    done: Counter[str] = field(default_factory=Counter)

    @property
    def upheaval(self) -> Upheaval:
        """What may come of what was done."""
        frozen = self.done["freeze rabbitmq"] + self.done["freeze worker"]
        tasks_cut = 0 if self.fleet.vhost is None else self._cuts
        return Upheaval(violent=self._violent, cuts=self._cuts, disorders=frozen + tasks_cut)

    @property
    def _violent(self) -> int:
        """How often a process was killed, or frozen for so long that it may have seemed dead.

        A broker of tasks that goes away does the same: it cuts connections, on which locks and
        messages in hand depend.
        """
        names = ["kill worker", "kill child", "freeze worker", "restart valkey", "freeze valkey"]
        names += ["interrupt worker", "interrupt child"]
        if self.fleet.vhost is not None:
            names += _OF_RABBITMQ
        return sum(self.done[name] for name in names)

    @property
    def _cuts(self) -> int:
        """How often RabbitMQ was away."""
        return sum(self.done[name] for name in _OF_RABBITMQ)

    @property
    def names(self) -> list[str]:
        """Those that make sense here; what is named twice comes twice as often."""
        names = ["kill worker", "kill worker", "kill child", "freeze worker", "stop worker"]
        names += ["interrupt worker", "interrupt child"]
        names += _OF_THE_STORE
        names += [*_OF_RABBITMQ, "restart valkey", "freeze valkey"]
        if self.fleet.plan.parser == "ballchasing":
            names.append("upset ballchasing")
        return names

    def one(self) -> str:
        """Do one, and return its name."""
        name = self.dice.choice(self.names)
        outages = sum(self.done[each] for each in _OF_THE_STORE)
        if name in _OF_THE_STORE and outages >= MOST_STORE_OUTAGES:
            name = "kill worker"
        _DEEDS[name](self)
        self.done[name] += 1
        return name

    def seconds(self, span: tuple[float, float]) -> float:
        """A random time."""
        return self.dice.uniform(*span)

    def kill_worker(self) -> None:
        """Pull the plug of a worker with all its processes; another is started."""
        index = self.dice.randrange(len(self.fleet.workers))
        self.fleet.workers[index].kill()
        self.fleet.replace_dead()

    def stop_worker(self) -> None:
        """Ask a worker to end, as for a new version; another is started."""
        index = self.dice.randrange(len(self.fleet.workers))
        self.fleet.workers[index].stop()
        self.fleet.replace_dead()

    def interrupt_worker(self) -> None:
        """Press Ctrl-C, once or, for who has no patience, twice; another worker is started."""
        self.fleet.replace_dead()
        worker, again_s = self.dice.choice(self.fleet.workers), self.seconds(AGAIN_S)
        worker.signal(signal.SIGINT)
        if again_s < sum(AGAIN_S) / 2:
            time.sleep(again_s)
            worker.signal(signal.SIGINT)
        worker.process.wait(60)
        self.fleet.replace_dead()

    def kill_child(self) -> None:
        """End one process of a worker's pool, or of its parsers, as the kernel does for memory."""
        self._signal_child(signal.SIGKILL)

    def interrupt_child(self) -> None:
        """Have one of these processes break off what it does (KeyboardInterrupt)."""
        self._signal_child(signal.SIGINT)

    def _signal_child(self, number: int) -> None:
        self.fleet.replace_dead()
        children = descendants(self.dice.choice(self.fleet.workers).pid)
        which = self.dice.random()  # drawn whether there are any or not: the seed is to replay
        if children:
            with suppress(ProcessLookupError):
                os.kill(children[int(which * len(children))], number)

    def freeze_worker(self) -> None:
        """Stop a worker's clock for a while."""
        self.fleet.replace_dead()
        group = self.dice.choice(self.fleet.workers).pid
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGSTOP)
            time.sleep(self.seconds(FROZEN_S))
            os.killpg(group, signal.SIGCONT)

    def restart_valkey(self) -> None:
        """Pull the plug of the Redis of all state, and start it on the same data."""
        self.fleet.valkey.kill()
        time.sleep(self.seconds(AWAY_S))
        self.fleet.valkey.start()

    def freeze_valkey(self) -> None:
        """Let it answer nobody for a while."""
        self.fleet.valkey.signal(signal.SIGSTOP)
        time.sleep(self.seconds(FROZEN_S) / 2)
        self.fleet.valkey.signal(signal.SIGCONT)

    def restart_rabbitmq(self) -> None:
        """The same for RabbitMQ, which takes some seconds to start.

        Where it carries tasks it is asked to end, and waited for: it hands on those that waited
        without writing them down at once, so a pulled plug can lose one (docs/service.md).
        """
        self.fleet.rabbitmq.restart(orderly=self.fleet.vhost is not None)

    def freeze_rabbitmq(self) -> None:
        """The same for RabbitMQ."""
        self.fleet.rabbitmq.freeze()
        time.sleep(self.seconds(FROZEN_S))
        self.fleet.rabbitmq.thaw()

    def restart_store(self) -> None:
        """Pull the plug of the object store, and start it on the same data."""
        self.fleet.store.kill()
        time.sleep(self.seconds(AWAY_S) / 4)
        self.fleet.store.start()

    def freeze_store(self) -> None:
        """Let the object store answer nobody for a while."""
        self.fleet.store.signal(signal.SIGSTOP)
        time.sleep(self.seconds(STORE_FROZEN_S))
        self.fleet.store.signal(signal.SIGCONT)

    def upset_ballchasing(self) -> None:
        """Have the remote parser answer a third of the calls badly, for some seconds."""
        faults = self.fleet.simulator.faults
        faults.kinds = ("500", "502-html", "503-seconds", "reset", "truncated", "truncated-json")
        faults.seconds, faults.rate = 2.0, 0.33
        time.sleep(self.seconds(FROZEN_S) / 2)
        faults.rate = 0.0


def descendants(pid: int) -> list[int]:
    """All processes that this one has started, and those that they have."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


_OF_THE_STORE = ("restart store", "freeze store")
_OF_RABBITMQ = ("restart rabbitmq", "freeze rabbitmq")
_DEEDS: dict[str, Callable[[Faults], None]] = {
    "kill worker": Faults.kill_worker,
    "kill child": Faults.kill_child,
    "interrupt worker": Faults.interrupt_worker,
    "interrupt child": Faults.interrupt_child,
    "stop worker": Faults.stop_worker,
    "freeze worker": Faults.freeze_worker,
    "restart valkey": Faults.restart_valkey,
    "freeze valkey": Faults.freeze_valkey,
    "restart rabbitmq": Faults.restart_rabbitmq,
    "freeze rabbitmq": Faults.freeze_rabbitmq,
    "restart store": Faults.restart_store,
    "freeze store": Faults.freeze_store,
    "upset ballchasing": Faults.upset_ballchasing,
}
