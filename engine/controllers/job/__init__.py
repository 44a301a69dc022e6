"""Jobs (kube-controller-manager's job-controller): pods that run to completion, and an account of how each ended.

`controller` syncs one Job; `standing` reads where it stands, `verdict` whether it is over, `pacing` which pods to make
or remove, `account` what its status says. `indexes`, `policies` and `backoff` are the rules that they follow.
"""
