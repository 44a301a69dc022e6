"""Who owns which field: metadata.managedFields, and server-side apply.

    fields      paths of fields, sets of them, FieldsV1
    typed       an object seen through its schema: which fields it has, what differs, merging, pruning
    checking    whether a configuration fits its schema
    managers    the entries of managedFields: what an update and an apply make of them
    conflicts   the 409 of an apply that others' fields stand against
    components  the entries of the cluster's own components, told from the object

The rules are those of structured-merge-diff and apimachinery's managedfields. Bookkeeping happens where a field manager
asks for it: writes of kubectl and other clients name one, as do the folder and the console, and an apply always does.
The cluster's own components write without a book, which is what keeps tens of thousands of status writes free of it:
what they own is told from the object when somebody looks at a single one, or applies to it. A component's write to a
booked object's desired state is booked as an update under the component's name (an autoscaler takes spec.replicas
over). An apply that meets an object without any owner finds its fields with "before-first-apply", as in Kubernetes.
"""
