"""The controllers of the cloud controller manager: nodes, the lives of nodes, routes, and load balancers of Services.

They know a cloud only by `engine.cloud.provider`, and do nothing without one. Their writes are those of the service
account cloud-controller-manager; names, events and timing are those of k8s.io/cloud-provider.
"""
