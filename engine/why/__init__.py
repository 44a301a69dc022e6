"""What is the matter with an object, in words and numbers, and which other objects have to do with it.

    parts       what all answers are made of: events, conditions, the pods of a workload
    workloads   Deployments, ReplicaSets, StatefulSets, DaemonSets
    batch       Jobs and CronJobs
    nodes       nodes: heartbeats, taints, what is evicted when, what keeps a drain from ending
    policy      disruption budgets, quotas, autoscalers
    storage     claims and volumes
    services    Services and Ingresses
    diagnosis   one function for all kinds

Pods that wait for a node are explained by the scheduler (engine.scheduler.explain). Everything is computed from the
present; nothing is kept.
"""
