"""What Apache Airflow says of DAG files.

Each file, and each folder of files that belong together, is loaded as Airflow's DAG processor loads it: with
DagBag and its default settings, and serialized afterwards. A process of its own loads each, so that no file sees
what another left behind. The answers are written as JSON, reduced to what does not change from run to run. It works
with Airflow 2.11 and with Airflow 3.

    answers.py CORPUS ANSWERS            write the answers for the corpus
    answers.py CORPUS ANSWERS --check    fail if they are not what the file has
    answers.py --files LIST ANSWERS      write the answers for the files of a list: a path a line, and after tabs the
                                         folders that Python finds modules in
"""

import json
import os
import pathlib
import re
import sys
import tempfile
import traceback


def settle(text, folder):
    """Take out of an error what differs between runs, and keep the last line: the exception."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    last = next((l for l in reversed(lines) if re.match(r"^[A-Za-z_.]+(Error|Exception|Found|Invalid|Exit|Id)\w*(:|$)", l.strip())), lines[-1] if lines else "")
    last = last.strip().replace(str(folder), "").replace(os.sep + os.sep, os.sep)
    last = re.sub(r"0x[0-9a-f]+", "0x…", last)
    last = re.sub(r"(?:/[\w.-]+)+/", "", last)
    kind, _, message = last.partition(":")
    if "DuplicatedId" in kind:
        # Which of the files is refused depends on the order of reading them.
        message = message.partition(" from ")[0]
    return kind.split(".")[-1], message.strip()[:200]


def processed(folder):
    """Return the DagBag of a folder or file, and what cannot be serialized of it."""
    import airflow

    if airflow.__version__.startswith("2."):
        from airflow.models.dagbag import DagBag
        from airflow.serialization.serialized_objects import SerializedDAG

        bag, refused = DagBag(dag_folder=str(folder), include_examples=False), {}
        for dag in bag.dags.values():
            try:
                SerializedDAG.to_dict(dag)
            except Exception:
                refused[dag.fileloc] = traceback.format_exc()
        return bag, refused
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    from airflow.dag_processing.processor import _serialize_dags

    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag
    root = folder if folder.is_dir() else folder.parent
    try:
        bag = DagBag(dag_folder=str(folder), bundle_path=root, bundle_name="corpus")
    except TypeError:
        bag = DagBag(dag_folder=str(folder), bundle_path=root)
    return bag, _serialize_dags(bag, structlog.get_logger())[1]


def load(folder):
    """Load the files of a folder into one DagBag, and say what came of it."""
    import logging

    logging.disable(logging.CRITICAL)
    import warnings

    warnings.simplefilter("ignore")
    folder = pathlib.Path(folder)
    bag, refused = processed(folder)
    errors = dict(bag.import_errors)
    errors.update(refused)
    dags = {}
    for dag in sorted(bag.dags.values(), key=lambda d: d.dag_id):
        dags[dag.dag_id] = {t.task_id: sorted(t.downstream_task_ids) for t in sorted(dag.tasks, key=lambda t: t.task_id)}
    answer = {"accepted": not errors, "dags": dags}
    if errors:
        answer["errors"] = [
            dict(zip(("kind", "message"), settle(text, folder))) for _, text in sorted(errors.items())
        ]
        answer["dags"] = {}
    return answer


def child(case):
    """Load one case in this process."""
    name, files = case
    if isinstance(files, str):
        return quietly(name, files)
    with tempfile.TemporaryDirectory(prefix="corpus") as tmp:
        for file in files:
            target = pathlib.Path(tmp, pathlib.Path(file).name)
            target.write_bytes(pathlib.Path(file).read_bytes())
        sys.path.insert(0, tmp)  # Airflow puts the folder of its DAGs on the path
        return quietly(name, tmp)


def quietly(name, place):
    """Load a file or a folder, whatever it prints."""
    sys.stdout.flush()
    quiet = os.open(os.devnull, os.O_WRONLY)
    kept = os.dup(1), os.dup(2)
    os.dup2(quiet, 1), os.dup2(quiet, 2)
    try:
        return name, load(place)
    finally:
        os.dup2(kept[0], 1), os.dup2(kept[1], 2)


def one(line):
    """Load one file of a list, from where it is."""
    file, *roots = line.split("\t")
    sys.path[:0] = roots
    return file, file


def forked(case):
    """Load one case in a fork of this process, which has Airflow in memory already."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(read)
            with os.fdopen(write, "w") as out:
                json.dump(child(one(case) if isinstance(case, str) else case), out)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    if os.waitpid(pid, 0)[1] != 0:
        if isinstance(case, str):  # a file may end the process that loads it
            return case.split("\t")[0], {"accepted": False, "dags": {}, "errors": [{"kind": "Exit", "message": ""}]}
        sys.exit(f"loading {case[0]} failed")
    return json.loads(text)


def cases(corpus):
    """Each file, and each folder below good, bad, undecided and two, is a case."""
    for kind in ("good", "bad", "undecided", "two"):
        for entry in sorted((corpus / kind).iterdir()):
            name = f"{kind}/{entry.name}"
            if entry.is_dir():
                yield name, [str(f) for f in sorted(entry.glob("*.py"))]
            elif entry.suffix == ".py":
                yield name, [str(entry)]


def main():
    listed = sys.argv[1] == "--files"
    corpus, target = pathlib.Path(sys.argv[2 if listed else 1]).resolve(), pathlib.Path(sys.argv[3 if listed else 2])
    home = tempfile.TemporaryDirectory(prefix="airflow-home")
    os.environ.update(
        # The example DAGs come with plugins, which are loaded together with them.
        AIRFLOW_HOME=home.name, AIRFLOW__CORE__LOAD_EXAMPLES=str(listed), AIRFLOW__LOGGING__LOGGING_LEVEL="FATAL",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home.name}/airflow.db", PYTHONDONTWRITEBYTECODE="1",
        _AIRFLOW_PROCESS_CONTEXT="client",
    )
    sys.dont_write_bytecode = True
    import airflow
    import airflow.dag_processing.processor
    import airflow.models.dagbag
    import airflow.providers.standard.operators.bash
    import airflow.providers.standard.operators.python  # noqa: F401

    if not airflow.__version__.startswith("2."):
        import airflow.sdk  # noqa: F401

    if listed:
        # Some examples look into the database while they are loaded.
        from airflow.utils.db import initdb

        initdb()
        todo = [line for line in corpus.read_text().splitlines() if line]
    else:
        todo = list(cases(corpus))
    answers = dict(forked(case) for case in todo)
    text = json.dumps(
        {"airflow": airflow.__version__, "python": ".".join(map(str, sys.version_info[:2])), "cases": answers},
        indent=1, sort_keys=True, ensure_ascii=False,
    ) + "\n"
    if "--check" not in sys.argv:
        target.write_text(text)
        return 0
    if target.read_text() == text:
        return 0
    was = json.loads(target.read_text())
    for name in sorted(set(answers) | set(was["cases"])):
        if answers.get(name) != was["cases"].get(name):
            print(f"{name}: the file says {was['cases'].get(name)}, Airflow says {answers.get(name)}", file=sys.stderr)
    print(f"{target} is not what Airflow says; write it anew with hack/airflow/derive.sh", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
