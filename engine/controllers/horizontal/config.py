"""The autoscaler's knobs, with the defaults of kube-controller-manager."""

from __future__ import annotations

from dataclasses import dataclass

from engine.clock import MINUTE, SECOND


@dataclass(frozen=True, slots=True)
class HorizontalConfig:
    """Spans in microseconds."""

    sync_period: int = 15 * SECOND
    """--horizontal-pod-autoscaler-sync-period"""
    downscale_stabilisation: int = 5 * MINUTE
    """--horizontal-pod-autoscaler-downscale-stabilization"""
    tolerance: float = 0.1
    """--horizontal-pod-autoscaler-tolerance"""
    cpu_initialization_period: int = 5 * MINUTE
    """--horizontal-pod-autoscaler-cpu-initialization-period"""
    initial_readiness_delay: int = 30 * SECOND
    """--horizontal-pod-autoscaler-initial-readiness-delay"""
    metric_window: int = 15 * SECOND
    """What one sample of usage covers (metrics-server's --metric-resolution)."""
