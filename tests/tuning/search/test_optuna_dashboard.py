"""What Optuna knows of a search, opened with optuna-dashboard."""

import json
import threading
import urllib.request
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

from inline_runs import run
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna_dashboard import wsgi
from searched_studies import searched_study


class NoLog(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


def test_the_journal_of_a_run_opens(tmp_path: Path) -> None:
    read = run(searched_study(confirm=None), tmp_path)
    server = make_server(
        "127.0.0.1",
        0,
        wsgi(JournalStorage(JournalFileBackend(str(read.paths.optuna)))),
        handler_class=NoLog,
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        with urllib.request.urlopen(f"{address}/dashboard/", timeout=60) as page:
            assert page.status == 200
        with urllib.request.urlopen(f"{address}/api/studies", timeout=60) as answer:
            (listed,) = json.load(answer)["study_summaries"]
        with urllib.request.urlopen(
            f"{address}/api/studies/{listed['study_id']}?after=0", timeout=60
        ) as answer:
            trials = json.load(answer)["trials"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert len(trials) == 12
    known = {"Complete": "completed", "Pruned": "pruned"}
    assert [known[trial["state"]] for trial in trials] == read.trials["status"].tolist()
