"""What a save does to the cluster, what a deletion takes back, and what the folder says of its files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, SERVICEACCOUNTS
from engine.client import FolderFile
from engine.clock import SECOND
from engine.folder.apply import OWNER
from store.store import Store
from store.types import Resource

if TYPE_CHECKING:
    from tests.engine.folder.conftest import World


def test_a_save_is_applied_as_one_intent_in_the_files_name(world: World) -> None:
    """All documents of a saved file are written by `folder:<file>` under one intent."""
    authors = world.authors()
    world.save("shop/web.yaml", world.configmap("a") + "---\n" + world.configmap("b"))
    assert world.file("shop/web.yaml").state == "applied"
    assert world.file("shop/web.yaml").objects == (("configmaps", "default", "a", 1), ("configmaps", "default", "b", 8))
    written = world.authors()[len(authors) :]
    assert [author.who for author in written] == ["folder:shop/web.yaml"] * 2
    assert len({author.intent for author in written}) == 1
    assert "save shop/web.yaml" in written[0].intent


def test_a_save_changes_only_what_changed(world: World) -> None:
    """Saving with one document edited makes one revision; saving what is as it should be makes none."""
    world.save("a.yaml", world.configmap("a") + "---\n" + world.configmap("b"))
    before = world.store.revision
    world.save("a.yaml", "# moved down\n" + world.configmap("a") + "---\n" + world.configmap("b", "new"))
    assert world.store.revision == before + 1
    assert world.live("b").obj["data"] == {"key": "new"}
    os.utime(world.root / "a.yaml", ns=(1, 1))
    world.rescan()
    assert world.store.revision == before + 1
    assert world.file("a.yaml").objects[0][3] == 2


def test_fields_taken_out_of_the_file_go(world: World) -> None:
    """As with kubectl apply, a field that is no longer declared is removed, one set by others stays."""
    world.save("a.yaml", world.configmap("a") + "  second: x\n")
    world.change(world.live("a"), data={**world.live("a").obj["data"], "other": "y"})
    world.save("a.yaml", world.configmap("a"))
    assert world.live("a").obj["data"] == {"key": "v", "other": "y"}


def test_one_bad_document_blocks_nothing(world: World) -> None:
    """Documents around a bad one and files beside it are applied; the file says error at the line."""
    world.write("good.yaml", world.configmap("good"))
    file = world.save("mixed.yaml", f"{world.configmap('a')}---\nkind: [\n---\n{world.configmap('b')}")
    assert file.state == "error"
    assert [d.line for d in file.diagnostics] == [8]
    assert world.file("good.yaml").state == "applied"
    assert [env.name for env in world.store.list(CONFIGMAPS, "default")] == ["a", "b", "good"]


def test_deleted_documents_and_files_are_pruned(world: World) -> None:
    """What the folder created goes with its document or its file."""
    world.save("a.yaml", world.configmap("a") + "---\n" + world.configmap("b"))
    world.save("a.yaml", world.configmap("b"))
    assert world.find("a") is None
    assert world.find("b") is not None
    world.remove("a.yaml")
    world.rescan()
    assert world.find("b") is None
    assert world.folder.files() == ()


def test_the_report_tells_one_apply_from_the_next(world: World) -> None:
    """A save that changes an object shows in the file's report, though its state stays "applied"."""
    before = world.save("a.yaml", world.configmap("a", "old"))
    after = world.save("a.yaml", world.configmap("a", "new"))
    assert (before.state, after.state) == ("applied", "applied")
    assert before.revision < after.revision == world.live("a").revision


def test_an_emptied_file_prunes(world: World) -> None:
    """A file that holds nothing any more declares nothing."""
    world.save("a.yaml", world.configmap("a"))
    assert world.save("a.yaml", "# nothing left\n").state == "applied"
    assert world.find("a") is None


def test_what_others_made_is_adopted_but_never_deleted(world: World) -> None:
    """An object that was there before is changed by the folder, and stays when its file goes."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": "old"}}
    world.api.create(world.somebody, CONFIGMAPS, "default", obj)
    assert world.save("a.yaml", world.configmap("a", "new")).state == "applied"
    assert world.live("a").obj["data"] == {"key": "new"}
    assert OWNER not in world.live("a").obj["metadata"]["annotations"]
    world.remove("a.yaml")
    world.rescan()
    assert world.find("a") is not None


def test_a_copied_owner_annotation_proves_nothing(make_world: Callable[..., World]) -> None:
    """An object that carries another object's annotation (controllers copy them) is not pruned at a start."""
    world = make_world().start()
    world.save("a.yaml", world.configmap("a"))
    meta = {"name": "copy", "annotations": world.live("a").obj["metadata"]["annotations"]}
    world.api.create(world.somebody, CONFIGMAPS, "default", {**world.live("a").obj, "metadata": meta})
    again = make_world(world.store).start()
    assert again.find("copy") is not None


def test_a_broken_file_prunes_nothing(world: World) -> None:
    """A half-written file keeps what it declared; once it can be read again, what is missing from it goes."""
    world.save("a.yaml", world.configmap("a") + "---\n" + world.configmap("b"))
    file = world.save("a.yaml", world.configmap("a", "new") + "---\napiVersion: v1\nkind: Conf")
    assert file.state == "error"
    assert world.live("a").obj["data"] == {"key": "new"}
    assert world.find("b") is not None
    world.save("a.yaml", "\xff".encode("latin-1"))
    assert world.find("a") is not None
    world.save("a.yaml", world.configmap("a", "new"))
    assert world.find("a") is not None
    assert world.find("b") is None


def test_renaming_a_file_deletes_nothing(world: World) -> None:
    """The object stays the same one, and belongs to the file's new name."""
    world.save("old.yaml", world.configmap("a"))
    uid = world.live("a").uid
    for name in ("new.yaml", "aaa.yaml"):
        source = "old.yaml" if name == "new.yaml" else "new.yaml"
        os.rename(world.root / source, world.root / name)
        world.rescan()
        assert world.live("a").uid == uid
        assert [(file.path, file.state) for file in world.folder.files()] == [(name, "applied")]
        assert world.folder.manifest_of("configmaps", "default", "a") == (name, 1)
    world.remove("aaa.yaml")
    world.rescan()
    assert world.find("a") is None


def test_moving_a_document_between_files_deletes_nothing(world: World) -> None:
    """The object goes along with its document, whichever file is read first."""
    world.save("a.yaml", world.configmap("x") + "---\n" + world.configmap("z"))
    uids = [world.live(name).uid for name in ("x", "z")]
    world.write("b.yaml", world.configmap("z"))
    world.save("a.yaml", world.configmap("x"))
    world.write("a.yaml", world.configmap("x") + "---\n" + world.configmap("z"))
    world.save("b.yaml", "")
    assert [world.live(name).uid for name in ("x", "z")] == uids
    assert {file.state for file in world.folder.files()} == {"applied"}


def test_duplicates_are_errors_at_the_second(world: World) -> None:
    """The first by file name and position is applied, whenever it comes; the other takes over when it goes."""
    file = world.save("b.yaml", world.configmap("x", "from-b") + "---\n" + world.configmap("x", "again"))
    assert [(d.line, d.message) for d in file.diagnostics] == [
        (8, "configmaps default/x is already declared in b.yaml:1")
    ]
    world.save("a.yaml", world.configmap("x", "from-a"))
    assert world.live("x").obj["data"] == {"key": "from-a"}
    assert world.file("a.yaml").state == "applied"
    assert [d.message for d in world.file("b.yaml").diagnostics] == [
        "configmaps default/x is already declared in a.yaml:1"
    ] * 2
    world.remove("a.yaml")
    world.rescan()
    assert world.live("x").obj["data"] == {"key": "from-b"}
    assert [d.line for d in world.file("b.yaml").diagnostics] == [8]


def test_waiting_for_a_namespace(world: World) -> None:
    """A document whose namespace is missing waits, says so at its namespace, and is applied when it comes."""
    file = world.save("a.yaml", world.configmap("a", namespace="shop"))
    assert (file.state, file.message) == ("waiting", 'namespaces "shop" not found')
    assert (file.diagnostics[0].line, file.diagnostics[0].column) == (5, 14)
    assert file.diagnostics[0].severity == "info"
    world.api.create(world.somebody, NAMESPACES, "", {"metadata": {"name": "shop"}})
    world.cluster.loop.settle()
    assert world.file("a.yaml").state == "applied"
    assert world.find("a", "shop") is not None


def test_namespaces_come_first(make_world: Callable[..., World]) -> None:
    """In one load the namespace is made before what is in it, whatever the files are called."""
    world = make_world()
    world.write("a.yaml", world.configmap("a", namespace="shop"))
    world.write("z.yaml", world.namespace("shop"))
    world.start()
    assert {file.state for file in world.folder.files()} == {"applied"}
    assert world.find("a", "shop") is not None


def test_unknown_kinds(world: World) -> None:
    """A kind that a definition may still bring waits; one in a group of Kubernetes' own is an error at its line."""
    file = world.save("a.yaml", "apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: x}\n")
    assert file.state == "waiting"
    assert file.message.startswith('no matches for kind "Foo" in version "example.com/v1"')
    file = world.save("b.yaml", "apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: x}\n")
    assert file.state == "error"
    assert [(d.line, d.path, d.message) for d in file.diagnostics] == [
        (2, "kind", 'no matches for kind "Deploymnt" in version "apps/v1"')
    ]


def test_drift_is_told_and_healed_by_saving(world: World) -> None:
    """A declared field that somebody changed is named at its line; saving the same text again applies it."""
    world.save("a.yaml", world.configmap("a"))
    world.change(world.live("a"), data={"key": "changed", "other": "x"})
    file = world.file("a.yaml")
    assert file.state == "drifted"
    assert [(d.line, d.column, d.severity, d.path) for d in file.diagnostics] == [(6, 8, "warning", "data.key")]
    assert 'live value is "changed", the file says "v"' in file.message
    assert world.live("a").obj["data"]["key"] == "changed"
    os.utime(world.root / "a.yaml", ns=(1, 1))
    world.rescan()
    assert world.file("a.yaml").state == "applied"
    assert world.live("a").obj["data"] == {"key": "v", "other": "x"}


def test_drift_that_goes_away(world: World) -> None:
    """When the live object is as declared again, so is the file."""
    world.save("a.yaml", world.configmap("a"))
    world.change(world.live("a"), data={"key": "changed"})
    world.change(world.live("a"), data={"key": "v"})
    assert world.file("a.yaml").state == "applied"


def test_a_deleted_object_is_drift(world: World) -> None:
    """What somebody deletes is not made again until its file is saved."""
    world.save("a.yaml", world.configmap("a"))
    world.delete(world.live("a"))
    assert world.file("a.yaml").state == "drifted"
    assert "was deleted" in world.file("a.yaml").message
    os.utime(world.root / "a.yaml", ns=(1, 1))
    world.rescan()
    assert world.find("a") is not None


def test_subscribers_hear_of_every_change(world: World) -> None:
    """All files at first, and again when one changed; after closing nothing more."""
    heard: list[list[tuple[str, str]]] = []

    def receive(files: tuple[FolderFile, ...]) -> None:
        heard.append([(file.path, file.state) for file in files])

    subscription = world.folder.subscribe(receive)  # type: ignore[arg-type]
    world.save("a.yaml", world.configmap("a"))
    assert heard == [[], [("a.yaml", "applied")]]
    world.change(world.live("a"), data={})
    assert heard[-1] == [("a.yaml", "drifted")]
    world.remove("a.yaml")
    world.rescan()
    assert heard[-1] == []
    subscription.close()
    world.save("b.yaml", world.configmap("b"))
    assert heard[-1] == []


def test_manifest_of_a_pod_is_its_workloads(world: World) -> None:
    """A pod leads to the file and line of the Deployment above its ReplicaSet."""
    world.save("web.yaml", "# first\n---\n" + world.deployment("web"))
    deployment = world.live("web", resource=DEPLOYMENTS)
    replica_set = world.own("replicasets.apps", "web-1", deployment, "apps/v1", "Deployment")
    pod = world.own("pods", "web-1-x", replica_set, "apps/v1", "ReplicaSet")
    assert world.folder.manifest_of("pods", "default", pod.name) == ("web.yaml", 3)
    assert world.folder.manifest_of("pods", "default", "other") is None


def test_another_life(make_world: Callable[..., World]) -> None:
    """After a restart nothing is written again, drift shows, and what lost its file meanwhile is pruned."""
    world = make_world().start()
    for name in ("same", "drifted", "gone", "edited"):
        world.save(f"{name}.yaml", world.configmap(name))
    world.change(world.live("drifted"), data={"key": "changed"})
    world.remove("gone.yaml")
    world.write("edited.yaml", world.configmap("edited", "new"))
    before = world.store.revision
    again = make_world(world.store).start()
    assert {file.path: file.state for file in again.folder.files()} == {
        "drifted.yaml": "drifted", "edited.yaml": "applied", "same.yaml": "applied",
    }  # fmt: skip
    assert again.find("gone") is None
    assert again.live("drifted").obj["data"] == {"key": "changed"}
    assert again.live("edited").obj["data"] == {"key": "new"}
    assert world.store.revision == before + 2


def test_another_life_with_a_broken_file(make_world: Callable[..., World]) -> None:
    """What a file declared before it broke stays, also when the cluster was down meanwhile."""
    world = make_world().start()
    world.save("a.yaml", world.configmap("a"))
    world.write("a.yaml", "kind: [\n")
    again = make_world(world.store).start()
    assert again.find("a") is not None
    again.save("a.yaml", "# given up\n")
    assert again.find("a") is None


def test_a_missing_folder_prunes_nothing(make_world: Callable[..., World]) -> None:
    """A root that is away is one error; nothing is deleted, and all is as before when it is back."""
    world = make_world().start()
    world.save("a.yaml", world.configmap("a"))
    os.rename(world.root, world.root.parent / "away")
    world.rescan()
    assert [(file.path, file.state) for file in world.folder.files()] == [(".", "error"), ("a.yaml", "applied")]
    assert world.find("a") is not None
    os.rename(world.root.parent / "away", world.root)
    world.rescan()
    assert [(file.path, file.state) for file in world.folder.files()] == [("a.yaml", "applied")]


_CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: lamps.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {plural: lamps, singular: lamp, kind: Lamp, listKind: LampList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {watts: {type: integer}}}
"""
_LAMP = "apiVersion: example.com/v1\nkind: Lamp\nmetadata:\n  name: desk\nspec:\n  watts: 7\n"


def test_custom_resources_wait_for_their_definition(world: World) -> None:
    """A custom resource waits for its definition, is applied when that comes, and both go with their files."""
    lamps = Resource("example.com", "lamps")
    assert world.save("lamp.yaml", _LAMP).state == "waiting"
    assert world.save("zz-crd.yaml", _CRD).state == "applied"
    world.cluster.run_for(SECOND)
    assert world.file("lamp.yaml").state == "applied"
    assert world.live("desk", resource=lamps).obj["spec"] == {"watts": 7}
    assert world.save("lamp.yaml", _LAMP.replace("7", "bright")).state == "error"
    world.remove("lamp.yaml")
    world.rescan()
    assert world.find("desk", resource=lamps) is None


def test_custom_resources_come_again_with_their_definition(world: World) -> None:
    """What went because its definition's file went is not drift: it waits, and comes with the definition."""
    lamps = Resource("example.com", "lamps")
    world.save("crd.yaml", _CRD)
    world.save("lamp.yaml", _LAMP)
    world.cluster.run_for(SECOND)
    for _ in range(2):
        assert world.live("desk", resource=lamps).obj["spec"] == {"watts": 7}
        world.remove("crd.yaml")
        world.rescan()
        world.cluster.run_for(SECOND)
        assert world.file("lamp.yaml").state == "waiting"
        assert "ensure CRDs are installed first" in world.file("lamp.yaml").message
        world.save("crd.yaml", _CRD)
        world.cluster.run_for(SECOND)
        assert world.file("lamp.yaml").state == "applied"


def test_what_went_with_its_namespace_comes_again_with_it(world: World) -> None:
    """A pruned namespace takes its objects along; their files wait, also while it is terminating."""
    world.save("ns.yaml", world.namespace("shop"))
    world.save("a.yaml", world.configmap("a", namespace="shop"))
    world.remove("ns.yaml")
    world.rescan()
    namespace = world.live("shop", "", NAMESPACES)
    world.delete(world.live("a", "shop"))
    assert (world.file("a.yaml").state, world.file("a.yaml").message) == ("waiting", 'namespaces "shop" not found')
    finished = {**namespace.obj, "spec": {"finalizers": []}}
    world.api.update(world.somebody, NAMESPACES, "", "shop", finished, subresource="finalize")
    world.cluster.loop.settle()
    assert world.find("shop", "", NAMESPACES) is None
    world.save("ns.yaml", world.namespace("shop"))
    assert world.file("a.yaml").state == "applied"
    assert world.find("a", "shop") is not None


def test_a_life_on_disk(make_world: Callable[..., World], tmp_path: Path) -> None:
    """What the folder owns is known again from the database alone."""
    store = Store.open(str(tmp_path / "cluster.db"))
    world = make_world(store).start()
    world.save("a.yaml", world.configmap("a") + "---\n" + world.configmap("b"))
    store.close()
    world.write("a.yaml", world.configmap("a"))
    store = Store.open(str(tmp_path / "cluster.db"))
    try:
        before = store.revision
        again = make_world(store).start()
        assert again.find("b") is None
        assert again.file("a.yaml").state == "applied"
        assert store.revision == before + 1
    finally:
        store.close()


def test_a_pod_waits_for_its_service_account(world: World) -> None:
    """In a new namespace the account comes a moment later; the pod is made then, without a timer."""
    world.save("ns.yaml", world.namespace("team"))
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: team}\nspec:\n  containers: [{name: c, image: i}]\n"
    )
    file = world.save("pod.yaml", pod)
    assert file.state == "waiting"
    assert 'serviceaccount "default" not found' in file.message
    world.api.create(world.somebody, SERVICEACCOUNTS, "team", {"metadata": {"name": "default"}})
    world.cluster.loop.settle()
    assert world.file("pod.yaml").state == "applied"


def test_what_is_being_deleted_is_made_again_when_it_is_gone(world: World) -> None:
    """A document whose object is on its way out waits for its end, and then creates it anew."""
    world.save("a.yaml", world.configmap("a"))
    live = world.live("a")
    world.change(live, metadata={**live.obj["metadata"], "finalizers": ["example.com/hold"]})
    world.delete(world.live("a"))
    assert "is being deleted" in world.file("a.yaml").message
    os.utime(world.root / "a.yaml", ns=(1, 1))
    world.rescan()
    assert world.file("a.yaml").state == "waiting"
    held = world.live("a")
    world.change(held, metadata={**held.obj["metadata"], "finalizers": []})
    assert world.file("a.yaml").state == "applied"
    assert world.live("a").uid != live.uid
