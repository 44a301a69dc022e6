"""kube-scheduler v1.36 in process: a queue, a framework of plugins, arrays over nodes, and the answer to "why not"."""
