"""A server on loopback that answers wandb as far as a mirror needs it, remembers what it was sent,
and can be told to misbehave.

What the real service does with what it is sent is its own affair; this one keeps history lines by
their offset, as the protocol says.
"""

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "local-" + "5" * 40


@dataclass
class Stored:
    """What the server holds of one run."""

    name: str
    about: dict[str, Any] = field(default_factory=dict)
    history: dict[int, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    exitcode: int | None = None
    uploads: dict[str, bytes] = field(default_factory=dict)
    created: int = 0

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [self.history[offset] for offset in sorted(self.history)]

    @property
    def config(self) -> dict[str, Any]:
        return {
            key: entry["value"]
            for key, entry in json.loads(self.about["config"]).items()
            if key != "_wandb"
        }


class Server(ThreadingHTTPServer):
    """``status``: the code that every request is answered with, once it is not 200. ``silent``:
    take requests and never answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runs: dict[str, Stored] = {}
        self.artifacts: list[dict[str, Any]] = []
        self.artifact_files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.status = 200
        self.released = threading.Event()
        self.released.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": KEY}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


@contextmanager
def served() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        self._answer({})

    def do_PUT(self) -> None:
        content = self._body()
        kind, name, file = re.fullmatch(r"/upload/(run|artifact)/([^/]+)/(.+)", self.path).groups()
        if self._answer({}):
            (self.server.runs[name].uploads if kind == "run" else self.server.artifact_files)[
                file
            ] = content

    def do_POST(self) -> None:
        content = self._body()
        if found := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
            return self._stream(self.server.runs.get(found[1]), json.loads(content))
        if self.path != "/graphql":
            return self._answer({})
        asked = json.loads(content)
        name = (
            asked.get("operationName")
            or re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])[1]
        )
        self.server.requests.append(name)
        answer = getattr(self, f"_{name}", None)
        variables = asked.get("variables") or {}
        return self._answer(
            {
                "data": (
                    answer(variables.get("input") or variables)
                    if answer and self.server.status == 200
                    else {}
                )
            }
        )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return (
            gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content
        )

    def _answer(self, content: Any) -> bool:
        self.server.released.wait()
        body = json.dumps(content).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return self.server.status == 200

    def _stream(self, run: Stored | None, sent: dict[str, Any]) -> None:
        if not self._answer({}) or run is None:
            return
        files = sent.get("files") or {}
        if history := files.get("wandb-history.jsonl"):
            run.history |= {
                history["offset"] + i: json.loads(line) for i, line in enumerate(history["content"])
            }
        if summary := files.get("wandb-summary.json"):
            run.summary = json.loads(summary["content"][-1])
        if sent.get("complete"):
            run.exitcode = sent["exitcode"]

    def _Viewer(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "viewer": {
                "id": "u",
                "entity": "lab",
                "username": "u",
                "flags": "{}",
                "teams": {"edges": []},
            },
            "serverInfo": {},
        }

    def _ServerFeaturesQuery(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def _UpsertBucket(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked.get("name") or asked["id"].removeprefix("id_")
        new = name not in self.server.runs
        run = self.server.runs.setdefault(name, Stored(name))
        run.created += asked.get("displayName") is not None
        run.about |= {key: value for key, value in asked.items() if value is not None}
        project = {
            "id": "p",
            "name": asked.get("project") or "p",
            "entity": {"id": "e", "name": "lab"},
        }
        return {
            "upsertBucket": {"bucket": {**self._bucket(run), "project": project}, "inserted": new}
        }

    def _RunResumeStatus(self, asked: dict[str, Any]) -> dict[str, Any]:
        run = self.server.runs.get(asked.get("name", ""))
        bucket = self._bucket(run) if run else None
        return {
            "model": {
                "id": "p",
                "name": asked.get("project"),
                "entity": {"id": "e", "name": "lab"},
                "bucket": bucket,
            }
        }

    def _bucket(self, run: Stored) -> dict[str, Any]:
        about = {
            "id": f"id_{run.name}",
            "name": run.name,
            "displayName": run.about.get("displayName") or run.name,
        }
        tails = {
            "historyTail": json.dumps([json.dumps(row) for row in run.rows[-1:]]),
            "eventsTail": "[]",
        }
        counts = {"historyLineCount": len(run.history), "eventsLineCount": 0, "logLineCount": 0}
        return {
            **about,
            **tails,
            **counts,
            "config": run.about.get("config") or "{}",
            "wandbConfig": json.dumps(
                {"t": 1} if run.history else {}
            ),  # wandb takes this for the sign that a run has begun
            "summaryMetrics": json.dumps(run.summary),
            "tags": [],
        }

    def _CreateRunFiles(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked.get("run") or asked.get("name")
        files = [
            {"name": file, "uploadUrl": f"{self.server.url}/upload/run/{name}/{file}"}
            for file in asked["files"]
        ]
        return {"createRunFiles": {"runID": name, "uploadHeaders": [], "files": files}}

    def _ArtifactType(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"project": None}

    def _CreateArtifact(self, asked: dict[str, Any]) -> dict[str, Any]:
        names = asked.get("artifactCollectionNames") or [asked.get("artifactCollectionName")]
        self.server.artifacts.append(
            {"type": asked["artifactTypeName"], "name": names[0], "digest": asked.get("digest")}
        )
        about = {
            "id": f"a{len(self.server.artifacts)}",
            "state": "PENDING",
            "artifactSequence": {"id": "s", "latestArtifact": None},
        }
        return {"createArtifact": {"artifact": about}}

    def _CreateArtifactManifest(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "createArtifactManifest": {
                "artifactManifest": {"id": "m", "file": self._upload("wandb_manifest.json")}
            }
        }

    def _UpdateArtifactManifest(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "updateArtifactManifest": {
                "artifactManifest": {"id": "m", "file": self._upload("wandb_manifest.json")}
            }
        }

    def _CreateArtifactFiles(self, asked: dict[str, Any]) -> dict[str, Any]:
        edges = [
            {"node": {**self._upload(file["name"]), "artifact": {"id": "a"}}}
            for file in asked["artifactFiles"]
        ]
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _upload(self, file: str) -> dict[str, Any]:
        return {
            "id": "f",
            "name": file,
            "displayName": file,
            "uploadUrl": f"{self.server.url}/upload/artifact/a/{file}",
            "uploadHeaders": [],
        }

    def _CommitArtifact(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"commitArtifact": {"artifact": {"id": asked.get("artifactID", "a"), "digest": ""}}}
