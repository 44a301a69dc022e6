"""The kubelets' configuration: flags, and the file beneath them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.clock import MINUTE, SECOND
from engine.flags import BadFlag, Flags
from engine.kubelet.config import KubeletConfig
from engine.kubelet.signals import parse_thresholds

HEAD = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"


def read(tmp_path: Path, text: str, **flags: str) -> KubeletConfig:
    file = tmp_path / "kubelet.yaml"
    file.write_text(HEAD + text)
    given = {name.replace("_", "-"): value for name, value in flags.items()}
    return KubeletConfig.from_flags(Flags({"kubelet-config": str(file), **given}))


def test_flags_have_the_kubelets_defaults() -> None:
    """Without any, the configuration is that of the class."""
    assert KubeletConfig.from_flags(Flags({"allocate-node-cidrs": "false"})) == KubeletConfig()


def test_a_file_sets_what_flags_would(tmp_path: Path) -> None:
    """Thresholds as maps, durations, numbers and booleans; what means nothing here is passed over."""
    config = read(tmp_path, (
        "evictionHard: {memory.available: 500Mi, nodefs.available: '15%'}\n"
        "evictionSoft: {memory.available: 1Gi}\nevictionSoftGracePeriod: {memory.available: 1m30s}\n"
        "imageGCHighThresholdPercent: 70\nserializeImagePulls: false\nmaxParallelImagePulls: 3\n"
        "shutdownGracePeriod: 30s\nmaxPods: 40\ncgroupDriver: systemd\n"
    ))  # fmt: skip
    assert config.thresholds == parse_thresholds(
        "memory.available<500Mi,nodefs.available<15%", "memory.available<1Gi", "memory.available=1m30s"
    )
    assert (config.image_gc_high, config.parallel_pulls, config.max_pods) == (70, 3, 40)
    assert config.shutdown_grace == 30 * SECOND


def test_a_flag_goes_before_the_file(tmp_path: Path) -> None:
    """As on a kubelet's command line."""
    config = read(tmp_path, "maxPods: 40\nimageMinimumGCAge: 1m\n", max_pods="50")
    assert (config.max_pods, config.image_minimum_age) == (50, MINUTE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maxPods: many\n", "maxPods: malformed value 'many'"), ("maxPodz: 3\n", 'unknown field "maxPodz"'),
        ("evictionHard: {cpu.available: 1}\n", "unsupported eviction signal"),
        ("kind: Pod\n", "wants apiVersion"), ("shutdownGracePeriod: soon\n", "invalid argument"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The error names the field or the flag."""
    with pytest.raises(BadFlag, match=message):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_told() -> None:
    """By its name."""
    with pytest.raises(BadFlag, match=r"nowhere\.yaml"):
        KubeletConfig.from_flags(Flags({"kubelet-config": "nowhere.yaml"}))
