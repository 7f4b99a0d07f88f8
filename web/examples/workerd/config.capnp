# For workerd by itself. On Cloudflare, wrangler.jsonc says the same.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "localhost:8080", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "checkbox-detector", esModule = embed "node_modules/checkbox-detector/dist/index.js"),
    (name = "checkbox-detector/checkbox_detector.wasm", wasm = embed "node_modules/checkbox-detector/dist/checkbox_detector.wasm"),
  ],
);
