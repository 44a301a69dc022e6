"""Which of the thirty-six broken clusters are reproduced and mended, and by which test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CLUSTERS: Final[dict[int, tuple[str, str]]] = {
    1: ("wrong Service selector", "test_broken_services.py::test_wrong_service_selector"),
    2: ("wrong targetPort or named port", "test_broken_services.py::test_wrong_target_port"),
    3: ("selector is not the template's", "test_broken_admission.py::test_deployment_selector_is_not_its_template"),
    4: ("image typo", "test_broken_pods.py::test_image_typo"),
    5: ("private registry without a pull secret", "test_broken_pods.py::test_private_registry_without_a_pull_secret"),
    6: ("missing Secret key or ConfigMap", "test_broken_pods.py::test_missing_config"),
    7: ("bad command or missing variable", "test_broken_pods.py::test_bad_command"),
    8: ("OOMKilled", "test_broken_pods.py::test_out_of_memory"),
    9: ("liveness probe too eager", "test_broken_pods.py::test_liveness_too_eager"),
    10: ("readiness probe with a wrong path", "test_broken_pods.py::test_readiness_with_a_wrong_path"),
    11: ("init container that never ends", "test_broken_pods.py::test_init_container_never_ends"),
    12: ("insufficient cpu or memory", "test_broken_scheduling.py::test_insufficient_cpu"),
    13: ("untolerated taint", "test_broken_scheduling.py::test_untolerated_taint"),
    14: ("node selector or affinity without a match", "test_broken_scheduling.py::test_node_selector_without_a_match"),
    15: ("anti-affinity or spread too strict", "test_broken_scheduling.py::test_anti_affinity_too_strict"),
    16: ("quota exceeded", "test_broken_admission.py::test_quota_exceeded"),
    17: ("LimitRange rejects", "test_broken_admission.py::test_limit_range_rejects"),
    18: ("Pod Security rejects", "test_broken_admission.py::test_pod_security_rejects"),
    19: ("claim Pending: no class, wrong class", "test_broken_storage.py::test_no_class"),
    20: ("claim and volume do not match", "test_broken_storage.py::test_claim_and_volume_do_not_match"),
    21: ("claim and pod wait for each other", "test_broken_storage.py::test_claim_and_pod_wait_for_each_other"),
    22: ("volume Released and not reclaimed", "test_broken_storage.py::test_volume_released_and_not_reclaimed"),
    23: ("node NotReady", "test_broken_life.py::test_node_not_ready"),
    24: ("node under pressure", "test_broken_nodes.py::test_node_under_pressure"),
    25: ("cordon forgotten", "test_broken_scheduling.py::test_cordon_forgotten"),
    26: ("drain blocked by a budget", "test_broken_life.py::test_drain_blocked_by_a_budget"),
    27: ("forbidden by RBAC", ""),
    28: ("wrong serviceAccountName", ""),
    29: ("NetworkPolicy denies by default", "test_broken_network.py::test_network_policy_denies_by_default"),
    30: ("DNS: short names, CoreDNS down", "test_broken_network.py::test_short_name_of_another_namespace"),
    31: ("Ingress: service, port, class", "test_broken_network.py::test_ingress_with_wrong_class_or_service"),
    32: ("rollout stuck", "test_broken_life.py::test_rollout_stuck"),
    33: ("HorizontalPodAutoscaler <unknown>", "test_broken_life.py::test_autoscaler_without_requests"),
    34: ("Job at its limits, CronJob suspended", "test_broken_life.py::test_job_at_its_backoff_limit"),
    35: ("namespace stuck Terminating", "test_broken_admission.py::test_namespace_stuck_terminating"),
    36: ("batch starves critical pods", "test_broken_scheduling.py::test_batch_starves_critical"),
}
"""Number → (what is broken, `file::test` in this folder or, with a path, under tests/). "": not reproduced yet."""


def test_the_table_names_tests_that_exist() -> None:
    """Every test that the table names is in the file that it names."""
    assert list(CLUSTERS) == list(range(1, 37))
    for number, (scenario, where) in CLUSTERS.items():
        if not where:
            continue
        file, _, name = where.partition("::")
        path = HERE / file if "/" not in file else HERE.parents[1] / file
        assert re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE), f"{number} ({scenario}): {where}"
