"""EndpointSlices: where a Service's traffic may go (kube-controller-manager's endpointslice-controller).

`controller` decides what to write, `desired` says what a pod's endpoint is, `packing` which slice it goes to.
"""
