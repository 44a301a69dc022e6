"""What the cluster does: API, scheduler, controllers, kubelets and the watched folder, all on one thread."""
