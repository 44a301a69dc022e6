"""Memory, file and replayed log say the same after whatever was written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from store.store import Store, StoreOptions
from store.types import Expired, Micros, Revision
from tests.store.store_objects import AUTHOR, PODS, bodies, key, put

NAMES = st.sampled_from(["a", "b", "c", "d"])
OPTIONS = StoreOptions(keep_newest=3, commit_interval=0.0)


class StoreMachine(RuleBasedStateMachine):
    """Random writes, reopenings and compactions beside a plain dict."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "x.db"
        self.store = Store.open(self.path, options=OPTIONS)
        self.model: dict[str, bytes] = {}
        self.states: dict[int, dict[str, bytes]] = {0: {}}
        self.oldest = 0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule(name=NAMES, number=st.integers(0, 9), text=st.text(max_size=8))
    def put(self, name: str, number: int, text: str) -> None:
        before = self.store.get(key(name))
        uid = before.uid if before else f"uid-{self.store.revision}"
        env = put(self.store, name, at=self.store.revision, uid=uid, number=number, text=text)
        self.model[name] = env.raw
        self.states[self.store.revision] = dict(self.model)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if name in self.model:
            self.store.delete(key(name), AUTHOR, Micros(self.store.revision))
            del self.model[name]
            self.states[self.store.revision] = dict(self.model)

    @rule()
    def reopen(self) -> None:
        revision = self.store.revision
        self.store.close()
        self.store = Store.open(self.path, options=OPTIONS)
        assert self.store.revision == revision == self.store.committed

    @rule(back=st.integers(0, 10))
    def compact(self, back: int) -> None:
        self.oldest = max(self.oldest, self.store.compact(Revision(self.store.revision - back)).result(timeout=10))

    @rule(pick=st.integers(0, 1000))
    def look_back(self, pick: int) -> None:
        revision = Revision(pick % (self.store.revision + 1))
        try:
            then = {env.name: env.raw for env in self.store.history.state_at(revision, PODS)}
        except Expired:
            assert revision < self.oldest
        else:
            assert then == self.states[revision]

    @rule()
    def replay(self) -> None:
        oldest, head = Revision(self.oldest), self.store.revision
        replayed = dict(self.states[oldest])
        for record in self.store.history.changes(oldest, head):
            if record.op == "delete":
                del replayed[record.key.name]
            else:
                assert (record.op == "create") == (record.key.name not in replayed)
                replayed[record.key.name] = record.raw
        assert replayed == self.model

    @invariant()
    def memory_is_the_model(self) -> None:
        if hasattr(self, "store"):
            assert bodies(self.store) == self.model
            self.store.assert_unmutated()


StoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestStore = StoreMachine.TestCase
