"""One file per controller, on one frame: informers feed keys to a work queue, `reconcile(key)` writes what misses."""
