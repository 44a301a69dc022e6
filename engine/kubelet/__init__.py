"""One simulated kubelet per node: it registers the node, keeps its lease, and runs the pods that are bound to it."""
