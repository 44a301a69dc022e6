"""StatefulSet: pods with an identity of their own (kube-controller-manager's statefulset-controller).

`controller` is the way from a key to a written status; `roster` keeps an owner's pods by ordinal as they change;
`steps` decides what happens next (in order or in parallel, scaling before updating); `pods` and `claims` make the
pods and their volume claims; `revisions` numbers the templates.
"""
