"""HorizontalPodAutoscalers (kube-controller-manager's horizontal-pod-autoscaler-controller).

`controller` reads the target's scale and writes it; `metrics` asks each metric of the spec for a replica count,
`calculator` computes it from the pods' usage, `normalise` holds it within the bounds, rates and windows.
"""
