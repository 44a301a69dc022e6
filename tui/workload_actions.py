"""What actions do to workloads: another image, triggered and suspended jobs, rollouts; and to pods: a shell, room.

Each follows what kubectl does (`set image`, `create job --from`, `rollout pause`), in the same frame as all writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.client import Item, Json
from tui.answers import answer
from tui.board import Scope
from tui.kinds.spec import selector_text
from tui.operations import ObjectActions
from tui.references import TEMPLATES, containers_of, pod_spec_of


def image_patch(resource: str, item: Item, images: Mapping[str, str]) -> Json | None:
    """A strategic patch that sets containers' images by name; None when nothing of it differs in this object."""
    spec = pod_spec_of(resource, item.obj)
    changed: Json = {}
    for field in ("initContainers", "containers"):
        entries = [
            {"name": c["name"], "image": images[c["name"]]}
            for c in spec.get(field) or ()
            if images.get(c["name"], c.get("image")) != c.get("image")
        ]
        if entries:
            changed[field] = entries
    if not changed:
        return None
    patch: Any = changed
    for part in reversed(TEMPLATES[resource]):
        patch = {part: patch}
    return dict(patch)


def triggered_job(cron: Item) -> Json:
    """The Job that `kubectl create job --from=cronjob/NAME` makes, under a generated name."""
    template = (cron.obj.get("spec") or {}).get("jobTemplate") or {}
    meta = template.get("metadata") or {}
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron.name, "uid": cron.uid}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            # As much of the name as leaves room for the suffix: a Job's name has 63 characters at most.
            "generateName": f"{cron.name[:45]}-manual-",
            "namespace": cron.namespace,
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual", **(meta.get("annotations") or {})},
            "labels": dict(meta.get("labels") or {}),
            "ownerReferences": [owner],
        },
        "spec": template.get("spec") or {},
    }


class WorkloadActions(ObjectActions):
    """Actions on chosen workloads and pods."""

    def do_set_image(self) -> None:
        items = self._chosen_or_told()
        if not items:
            return
        from tui.screens.asking import ImageDialog

        def decided(images: dict[str, str] | None) -> None:
            if images is None:
                return
            client, resource = self.session.client, self.resource
            patches = {item.uid: image_patch(resource, item, images) for item in items}
            changed = [item for item in items if patches[item.uid] is not None]
            if not changed:
                self.notify("The images are the same as before")
                return

            async def one(item: Item, intent: str) -> None:
                await answer(client.patch(resource, item.namespace, item.name, patches[item.uid], intent=intent))

            self.carry_out("set image of", changed, one, "Image set:")

        names: dict[str, str] = {}
        for item in items:
            for container in containers_of(pod_spec_of(self.resource, item.obj)):
                names.setdefault(container["name"], container.get("image") or "")
        what = items[0].name if len(items) == 1 else f"{len(items)} {self.resource.partition('.')[0]}"
        self.app.push_screen(ImageDialog(what, names), decided)

    def do_trigger(self) -> None:
        client = self.session.client

        async def one(item: Item, intent: str) -> None:
            await answer(client.create("jobs.batch", item.namespace, triggered_job(item), intent=intent))

        self.carry_out("trigger", self.targets(), one, "Triggered")

    def _toggle(self, field: str, on: str, off: str) -> None:
        """Switch a field of the spec: on for all when one of them is off."""
        client, resource, items = self.session.client, self.resource, self.targets()
        value = not all((item.obj.get("spec") or {}).get(field) for item in items)

        async def one(item: Item, intent: str) -> None:
            patch = {"spec": {field: value}}
            await answer(client.patch(resource, item.namespace, item.name, patch, intent=intent, type="merge"))

        word = on if value else off
        self.carry_out(word.lower(), items, one, f"{word}{'' if word.endswith('e') else 'e'}d")

    def do_suspend(self) -> None:
        self._toggle("suspend", "Suspend", "Resume")

    def do_pause_rollout(self) -> None:
        self._toggle("paused", "Pause", "Resume")

    def do_rollouts(self) -> None:
        """The revisions of its template; any of them can be gone back to."""
        if self.current is not None:
            self.console.open_screen("rollouts", self.resource, self.current)

    # -- pods --------------------------------------------------------------------------------------------------------

    def do_shell(self) -> None:
        item = self.current
        if item is None:
            return
        complaint = self.session.gate.complaint
        if complaint:
            self.notify(complaint, severity="warning")
            return
        self.console.open_screen("shell", item, self.container)

    def do_headroom(self) -> None:
        """How many more pods like this one the nodes would take."""
        item = self.current
        if item is None:
            return
        pod = item if self.resource == "pods" else self._pod_of(item)
        if pod is None:
            self.notify("It has no pod yet whose like could be counted", severity="warning")
        else:
            self.console.open_screen("headroom", pod)

    def _pod_of(self, item: Item) -> Item | None:
        selector = (item.obj.get("spec") or {}).get("selector") or {}
        wanted = (selector.get("matchLabels") or {}).items()
        if not selector_text(selector):
            return None
        pods = self.session.board.pods(Scope(namespace=item.namespace))
        return next((pod for pod in pods if wanted <= pod.labels.items()), None)

    # -- what is kept in them, and who uses it -----------------------------------------------------------------------

    def do_decode(self) -> None:
        """A Secret's values as text."""
        if self.current is not None:
            from tui.texts import secret_text

            self.console.open_screen("reading", f"secret {self.current.name}", secret_text(self.current.obj))

    def do_used_by(self) -> None:
        if self.current is not None:
            self.console.open_screen("used-by", self.resource, self.current)

    def do_rights(self) -> None:
        """What a service account may do."""
        if self.current is not None:
            self.console.show_rights("sa", f"{self.current.namespace}/{self.current.name}")

    def do_edit(self) -> None:
        """Its YAML in an editor; saved, it is changed in the cluster."""
        if self.current is not None:
            self.console.edit_object(self.resource, self.current)
