"""DaemonSet: one pod on every node that takes it (kube-controller-manager's daemonset-controller).

`controller` is the way from a key to a written status; `placement` says which nodes take the pods and pins a pod to
one; `roster` keeps an owner's pods by node as they change, and which nodes are to be looked at; `judgement` says what
a node lacks; `rollout` which pods of an earlier template go next; `revisions` numbers the templates.
"""
