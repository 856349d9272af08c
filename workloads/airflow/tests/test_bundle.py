# SPDX-License-Identifier: Apache-2.0
import json
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.manager import list_py_file_paths

from trunkline_airflow import bundle
from trunkline_airflow.kube import Cluster, KubeError
from trunkline_airflow.processor import superfluous

V1, V2 = "0" * 16, "1" * 16


def version(number, text):
    return {
        "metadata": {"name": f"trunkline-dags-{number}"},
        "data": {
            bundle.INDEX: json.dumps({"files": {"day.py": "day.py", "b-1": "lib/b.py"}, "dags": ["day.py"]}),
            "day.py": text,
            "b-1": "B = 1\n",
        },
        "binaryData": {},
    }


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """An API server that has ConfigMaps, for a pod in the namespace engine-dev."""
    maps = {
        ("engine-dev", "airflow-bundles"): {"data": {"sales": "sales-dev"}},
        ("sales-dev", "trunkline-dags"): {"data": {"version": V1}},
        ("sales-dev", f"trunkline-dags-{V1}"): version(V1, "one"),
    }

    class Handler(BaseHTTPRequestHandler):
        def answer(self, code, body=None):
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(body or {"message": "no"}).encode())

        def key(self):
            part = self.path.split("?")[0].split("/")
            return part[4], part[6] if len(part) > 6 else ""

        def do_GET(self):
            namespace, name = self.key()
            if self.headers["Authorization"] != "Bearer token":
                return self.answer(401)
            if not name:
                labelled = [m for (ns, _), m in maps.items() if ns == namespace and m.get("metadata", {}).get("labels")]
                return self.answer(200, {"items": labelled})
            found = maps.get((namespace, name))
            return self.answer(200, found) if found else self.answer(404)

        def do_POST(self):
            made = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = (self.key()[0], made["metadata"]["name"])
            if key in maps:
                return self.answer(409)
            maps[key] = made
            return self.answer(201, made)

        def do_DELETE(self):
            return self.answer(200, {}) if maps.pop(self.key(), None) else self.answer(404)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("token\n")
    (account / "namespace").write_text("engine-dev\n")
    own = Cluster(f"http://127.0.0.1:{server.server_port}", account)
    monkeypatch.setattr(Cluster, "own", classmethod(lambda _: own))
    monkeypatch.setenv(bundle.VARIABLE, "airflow")
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
    monkeypatch.setenv(
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST",
        json.dumps([{"name": "trunkline", "classpath": "trunkline_airflow.bundle.ProjectBundle", "kwargs": {"refresh_interval": 1}}]),
    )
    yield maps
    server.shutdown()


def test_a_bundle_for_each_project(cluster):
    manager = DagBundlesManager()
    assert list(manager.get_all_bundle_names()) == ["sales"]
    assert [b.name for b in manager.get_all_dag_bundles()] == ["sales"]
    assert manager.get_bundle("not-listed-yet", V1).version == V1  # a task need not ask which there are


def test_a_task_keeps_its_version(cluster):
    follows = DagBundlesManager().get_bundle("sales")
    follows.initialize()
    assert follows.get_current_version().version == V1
    assert (follows.path / "day.py").read_text() == "one"
    # The release moves on, and its older version is removed.
    cluster["sales-dev", "trunkline-dags"] = {"data": {"version": V2}}
    cluster["sales-dev", f"trunkline-dags-{V2}"] = version(V2, "two")
    del cluster["sales-dev", f"trunkline-dags-{V1}"]
    follows.refresh()
    assert (follows.path / "day.py").read_text() == "two"
    # A pod that never saw it before finds it.
    bundle.shutil.rmtree(follows.versions_dir)
    task = DagBundlesManager().get_bundle("sales", V1)
    task.initialize()
    assert (task.path / "day.py").read_text() == "one"


def test_a_version_that_is_gone(cluster):
    with pytest.raises(bundle.BundleError, match="not kept any more: clear the run"):
        DagBundlesManager().get_bundle("sales", V2).initialize()


def test_what_is_not_deployed_yet(cluster):
    del cluster["sales-dev", "trunkline-dags"]
    with pytest.raises(bundle.BundleError, match="not deployed yet"):
        DagBundlesManager().get_bundle("sales").initialize()


def test_refused(cluster, tmp_path):
    (tmp_path / "account/token").write_text("other")
    with pytest.raises(KubeError, match="401: no"):
        bundle.Source().projects()


def test_only_dag_files_are_loaded(tmp_path):
    bundle.unpack(version(V1, "from airflow.sdk import dag"), tmp_path)
    (tmp_path / "lib/b.py").write_text("from airflow.sdk import dag")
    assert list_py_file_paths(tmp_path) == [str(tmp_path / "day.py")]


def test_nothing_leads_out(tmp_path):
    evil = version(V1, "x")
    evil["data"][bundle.INDEX] = json.dumps({"files": {"day.py": "../day.py"}, "dags": []})
    with pytest.raises(bundle.BundleError, match="leads out"):
        bundle.unpack(evil, tmp_path / "in")
    assert not (tmp_path / "day.py").exists()


def test_superfluous():
    now = datetime(2026, 12, 1, tzinfo=timezone.utc)

    def copy(name, number, days):
        made = (now - timedelta(days=days)).isoformat().replace("+00:00", "Z")
        return {"metadata": {"name": f"airflow-dags-{name}-{number}", "labels": {bundle.LABEL: name}, "creationTimestamp": made}}

    copies = [copy("sales", V1, 9), copy("sales", V2, 9), copy("returns", V1, 9), copy("returns", V2, 1)]
    got = superfluous(copies, {("sales", V1)}, now - timedelta(days=7))
    assert got == [f"airflow-dags-returns-{V1}", f"airflow-dags-sales-{V2}"]
