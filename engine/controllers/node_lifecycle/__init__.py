"""Node lifecycle: from silent kubelets to Unknown nodes, taints and evictions (node-lifecycle-controller).

`health` judges heartbeats, `taints` keeps a node's taints in step with its conditions, `zones` decides how fast nodes
may be tainted NoExecute, `controller` puts them together. Evicting the pods of tainted nodes is the business of
`engine.controllers.taint_eviction`. Rules and texts are those of k8s.io/kubernetes/pkg/controller/nodelifecycle.
"""
