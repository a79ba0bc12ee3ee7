"""What another host gets from the ports of a Ray head: ``stranger.py HOST FIRST_NODE_PORT HEAD_PORT
DASHBOARD_PORT WORKER_PORT...``.

Prints a JSON object: what was asked, and the answer in a word: a status of gRPC or HTTP, or why
there was no connection. Asks with the token in the variable ``STRANGERS_TOKEN``, without one where
it is not set. A ``FRIEND`` asks only what does no harm: requests are empty, and some end the
process that takes them.
"""

import json
import os
import sys
import urllib.error
import urllib.request

import grpc

TOKEN = os.environ.get("STRANGERS_TOKEN")
GCS = {
    "list nodes": "NodeInfoGcsService/GetAllNodeInfo",
    "list jobs": "JobInfoGcsService/GetAllJobInfo",
    "write a key": "InternalKVGcsService/InternalKVPut",
    "read a key": "InternalKVGcsService/InternalKVGet",
    "start an actor": "ActorInfoGcsService/RegisterActor",
}
RAYLET = {
    "statistics": "NodeManagerService/GetNodeStats",
    "lease a worker": "NodeManagerService/RequestWorkerLease",
}
OBJECTS = {
    "pull an object": "ObjectManagerService/Pull",
    "push an object": "ObjectManagerService/Push",
}
AGENT = {"stack trace": "ReporterService/GetTraceback", "profile": "ReporterService/CpuProfiling"}
CLIENT = {
    "connect": "RayletDriver/ClusterInfo",
    "run a task": "RayletDriver/Schedule",
    "get an object": "RayletDriver/GetObject",
}
WORKER = {
    "run a task": "CoreWorkerService/PushTask",
    "statistics": "CoreWorkerService/GetCoreWorkerStats",
}
HARMLESS = ("list nodes", "list jobs", "statistics", "connect")
JOB = json.dumps({"entrypoint": "id"}).encode()


def call(host: str, port: int, method: str) -> str:
    metadata = (("authorization", f"Bearer {TOKEN}"),) if TOKEN else ()
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        try:
            channel.unary_unary(f"/ray.rpc.{method}")(b"", timeout=5, metadata=metadata)
        except grpc.RpcError as error:
            return error.code().name
    return "OK"


def http(host: str, port: int, path: str, body: bytes | None = None) -> str:
    headers = {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}),
    }
    request = urllib.request.Request(f"http://{host}:{port}{path}", data=body, headers=headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=5
        ) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return type(getattr(error, "reason", error)).__name__


def main() -> None:
    host, node, head, dashboard, *workers = sys.argv[1], *map(int, sys.argv[2:])
    services = [
        ("GCS", head, GCS),
        ("raylet", node, RAYLET),
        ("object manager", node + 1, OBJECTS),
        ("agent", node + 3, AGENT),
    ]
    services += [("client", node + 8, CLIENT), *(("worker", port, WORKER) for port in workers)]
    asked = [
        (f"{name}: {what}", port, method)
        for name, port, methods in services
        for what, method in methods.items()
    ]
    friend = "FRIEND" in os.environ
    said = {
        what: call(host, port, method)
        for what, port, method in asked
        if not friend or what.endswith(HARMLESS)
    }
    said["dashboard"] = http(host, dashboard, "/")
    said["jobs: list"] = http(host, dashboard, "/api/jobs/")
    said["runtime-env agent"] = http(host, node + 2, "/get_or_create_runtime_env", b"{}")
    said["log server"] = http(host, node + 4, "/logs")
    if not friend:
        said["jobs: start"] = http(host, dashboard, "/api/jobs/", JOB)
        said["agent: jobs"] = http(host, node + 4, "/api/job_agent/jobs/", JOB)
    for number, name in ((5, "node"), (6, "dashboard"), (7, "autoscaler")):
        said[f"metrics of the {name}"] = http(host, node + number, "/metrics")
    print(json.dumps(said))


if __name__ == "__main__":
    main()
