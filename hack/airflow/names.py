"""What Apache Airflow has to import, and which arguments its classes know.

    names.py > VERSION.json               what the Airflow of this interpreter has
    names.py --among A.json … > OUT.json  which of what those have this one can import
    names.py --table VERSION=OUT.json …   the differences, as policy/airflow/versions.txt
"""

import importlib
import inspect
import json
import logging
import os
import pkgutil
import re
import sys
import warnings

# Where DAG files import from.
PUBLIC = ("airflow.operators", "airflow.sensors", "airflow.hooks", "airflow.decorators", "airflow.models", "airflow.utils", "airflow.datasets",
          "airflow.sdk", "airflow.timetables", "airflow.exceptions", "airflow.macros", "airflow.notifications", "airflow.triggers", "airflow.io",
          "airflow.lineage", "airflow.configuration", "airflow.secrets", "airflow.settings", "airflow.contrib", "airflow.plugins_manager",
          "airflow.stats", "airflow.assets", "airflow.api", "airflow.security", "airflow.typing_compat", "airflow.task", "airflow.metrics")
HIDDEN = ("airflow.utils.log.", "airflow.sdk.execution_time", "airflow.sdk.api", "airflow.sdk.serde", "airflow.sdk.observability",
          "airflow.utils.serve_logs", "airflow.sdk.coordinators", "airflow.sdk._", "airflow.task.task_runner", "airflow.metrics.", "airflow.api_")
CLASSES = ("airflow.operators", "airflow.sensors", "airflow.models", "airflow.sdk", "airflow.providers.standard", "airflow.utils.task_group")


def public(name):
    return name == "airflow" or name.startswith(PUBLIC) and not name.startswith(HIDDEN)


def modules():
    import airflow

    import airflow.providers.standard as standard

    walked = list(pkgutil.walk_packages(airflow.__path__, "airflow.", onerror=lambda name: None))
    walked += pkgutil.walk_packages(standard.__path__, "airflow.providers.standard.", onerror=lambda name: None)
    found = {m.name for m in walked if public(m.name) or m.name.startswith(CLASSES)}
    for name in list(found):
        attempt(name)
    return found | {name for name in sys.modules if public(name)}


def attempt(name):
    try:
        return importlib.import_module(name)
    except BaseException:
        return None


def names(module):
    """The names of Airflow that a module has, with those that it makes when they are asked for."""
    out = {n for n, v in vars(module).items() if str(getattr(v, "__module__", "")).startswith("airflow")} | set(getattr(module, "__all__", ()))
    for attribute in ("__lazy_imports", "__lazy_imports__", "__deprecated_imports"):
        out |= set(getattr(module, attribute, ()))
    return {name for name in out if not name.startswith("_")}


def arguments(cls):
    """The names of all arguments that a class knows."""
    known = set()
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        if init is None or base is object:
            continue
        for p in inspect.signature(init).parameters.values():
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self":
                known.add(p.name)
        # Old arguments are taken out of those that the class above would refuse.
        known.update(re.findall(r"kwargs\.(?:pop|get)\(\s*['\"](\w+)['\"]", inspect.getsource(init)))
    return known


def classes(found):
    """The arguments of DAG and of the operators that Airflow comes with."""
    from airflow.models.dag import DAG

    try:
        from airflow.sdk.bases.operator import BaseOperator
    except ImportError:
        from airflow.models.baseoperator import BaseOperator
    out = {"DAG": sorted(arguments(DAG)), "BaseOperator": sorted(arguments(BaseOperator))}
    for name in sorted(found):
        if not name.startswith(("airflow.operators", "airflow.sensors", "airflow.providers.standard.operators", "airflow.providers.standard.sensors")):
            continue
        for key, value in vars(attempt(name)).items() if attempt(name) else ():
            if inspect.isclass(value) and issubclass(value, BaseOperator) and value is not BaseOperator and not key.startswith("_"):
                own = arguments(value)
                out[key] = sorted(own | set(out.get(key, ())))
    return out


def table(versions):
    """Print what is not in every version, and what classes know in each."""
    print("# What versions of Apache Airflow have, as hack/airflow/derive.sh finds it; do not edit.")
    order = list(versions)
    everything = {v: set(d["there"]) for v, d in versions.items()}
    union = set().union(*everything.values())
    lost = {v: union - everything[v] for v in order}
    for path in sorted(union):
        missing = [v for v in order if path in lost[v]]
        parent = path.rpartition(".")[0]
        # What is below something that is not there is not listed again.
        if missing and not (parent in union and [v for v in order if parent in lost[v]] == missing):
            print("without", ",".join(missing), path)
    for v in order:
        base = set(versions[v]["classes"]["BaseOperator"])
        for name, known in sorted(versions[v]["classes"].items()):
            own = known if name in ("DAG", "BaseOperator") else sorted(set(known) - base)
            print("arguments", v, name, *own)


def main():
    if sys.argv[1:2] == ["--table"]:
        table({v: json.load(open(f)) for v, _, f in (a.partition("=") for a in sys.argv[2:])})
        return
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    kept = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    out = {}
    if sys.argv[1:2] == ["--among"]:
        all_known = [json.load(open(f)) for f in sys.argv[2:]]
        there = set()
        for path in sorted(set().union(*({m for m in d["names"]} for d in all_known))):
            module = attempt(path)
            if module is None:
                continue
            there.add(path)
            for name in set().union(*(set(d["names"].get(path, ())) for d in all_known)):
                try:
                    getattr(module, name)
                except BaseException:
                    if attempt(path + "." + name) is None:
                        continue
                there.add(path + "." + name)
        out = {"there": sorted(there), "classes": classes(modules())}
    else:
        for name in sorted(modules()):
            module = attempt(name)
            if module is not None and public(name):
                out[name] = sorted(names(module))
        out = {"names": out}
    os.dup2(kept, 1)
    json.dump(out, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
