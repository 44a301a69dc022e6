"""Who owns which field: metadata.managedFields, and server-side apply.

    fields     paths of fields, sets of them, FieldsV1
    typed      an object seen through its schema: which fields it has, what differs, merging, pruning
    managers   the entries of managedFields: what an update and an apply make of them
    conflicts  the 409 of an apply that others' fields stand against

The rules are those of structured-merge-diff and apimachinery's managedfields. Bookkeeping happens where a field manager
asks for it: writes of kubectl and other clients name one, and an apply always has one. The cluster's own components
write without: an object that only they have written carries no managedFields, which is what keeps tens of thousands of
status writes free of it. Nothing is lost by that: a component's write to a managed object's desired state is booked as
an update under the component's name (an autoscaler takes spec.replicas over), and an apply that meets an object without
owners finds all its fields with "before-first-apply", as in Kubernetes.
"""
