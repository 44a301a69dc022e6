"""The Kubernetes wire: kubectl and every other client of the API, answered by this process.

    socket ─ binding (aiohttp, own thread and loop) ─ core: limits → who? → where? → may they? → handler ─ gate ─ engine

`core.Wire` is server-neutral: a `messages.Request` in, an answer out: a `Response` (bytes), a `Stream` (chunks, for
watches and logs) or an `Upgrade` (a WebSocket, for exec and port-forward). It imports no HTTP server. `binding` turns
aiohttp's requests into ours; `server.HttpServer` is the thread with certificates and kubeconfig.

Engine state is touched through `gate.Gate` only: `run` for reads that need the engine's thread, `write` for changes
(done when they are committed). Envelopes are immutable, so bodies, tables and selections of what was read are made on
this side; a watcher polls a cursor on committed events and is woken once a commit together with all others.

Where things plug in:

- a subresource or a whole resource with a handler of its own (log, exec, portforward, proxy, metrics.k8s.io): one line
  in `routes.build_routes`; a handler is `async (Call) -> Answer`, see `calls.Call`;
- users and rights: `access.Access`, an authenticator and an authorizer;
- tables: `engine.api.table`.
"""
