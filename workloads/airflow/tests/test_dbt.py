# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from trunkline_airflow.dbt import ManifestError, Step, read, steps

SCHEMA = "https://schemas.getdbt.com/dbt/manifest/v12.json"


def node(kind, name, *after, tags=(), package="shop", **config):
    i = f"{kind}.{package}.{name}"
    depends = {"macros": []} if kind == "seed" else {"macros": [], "nodes": list(after)}
    return i, {
        "name": name, "resource_type": kind, "package_name": package, "fqn": [package, name], "tags": list(tags), "depends_on": depends, "config": config,
    }  # fmt: skip


def manifest(*nodes):
    return {"metadata": {"dbt_schema_version": SCHEMA}, "nodes": dict(nodes)}


def graph(found):
    return {s.name: sorted(by_id(found)[a].name for a in s.after) for s in found}


def by_id(found):
    return {s.id: s for s in found}


SHOP = manifest(
    node("seed", "raw", tags=["daily"]),
    node("model", "clean", "seed.shop.raw", tags=["daily"]),
    node("model", "view", "model.shop.clean", materialized="ephemeral"),
    node("model", "total", "model.shop.view", tags=["daily", "slow"]),
    node("snapshot", "kept", "model.shop.clean"),
    node("test", "unique_clean", "model.shop.clean"),
    node("test", "not_null_clean", "model.shop.clean"),
    node("test", "same", "seed.shop.raw", "model.shop.total"),
    node("test", "of_a_source", "source.shop.x"),
    node("analysis", "look", "model.shop.total"),
)


@pytest.mark.parametrize(
    ("reason", "given", "want"),
    [
        (
            "what depends on a model waits for its tests, also by way of one that is ephemeral; a test of several comes after all",
            {},
            {
                "raw": [], "clean": ["raw"], "clean_test": ["clean"], "total": ["clean"], "kept": ["clean", "clean_test"],
                "same": ["raw", "total"],
            } | {"total": ["clean", "clean_test"]},
        ),
        ("nothing waits for tests", {"tests": "after"}, {"raw": [], "clean": ["raw"], "clean_test": ["clean"], "total": ["clean"], "kept": ["clean"], "same": ["raw", "total"]}),
        ("no tests", {"tests": "none"}, {"raw": [], "clean": ["raw"], "total": ["clean"], "kept": ["clean"]}),
        ("by a tag, and through what has it not", {"tags": ["slow"], "tests": "none"}, {"total": []}),
        ("a test of what is not made is not run", {"tags": ["slow"]}, {"total": []}),
        ("without a tag", {"tags": ["daily"], "exclude_tags": ["slow"], "tests": "none"}, {"raw": [], "clean": ["raw"]}),
    ],
)  # fmt: skip
def test_steps(reason, given, want):
    assert graph(steps(SHOP, **given)) == want, reason


def test_commands():
    found = {s.name: (s.command, s.model) for s in steps(SHOP)}
    assert found == {
        "raw": ("seed", "raw"), "clean": ("run", "clean"), "total": ("run", "total"), "kept": ("snapshot", "kept"),
        "clean_test": ("test", "not_null_clean unique_clean"), "same": ("test", "same"),
    }  # fmt: skip


def test_through_what_is_not_selected():
    """A task comes after all that its model is made of, however far that is away."""
    deep = manifest(
        node("model", "m0", tags=["x"]),
        *[node("model", f"m{i}", f"model.shop.m{i - 1}") for i in range(1, 3000)],
        node("model", "end", "model.shop.m2999", tags=["x"]),
    )
    assert graph(steps(deep, tags=["x"])) == {"m0": [], "end": ["m0"]}


def test_the_same_name_in_two_packages():
    found = steps(manifest(node("model", "a"), node("model", "a", "model.shop.a", package="lib")))
    assert [(s.name, s.model) for s in found] == [("lib_a", "fqn:lib.a"), ("shop_a", "fqn:shop.a")]


def test_a_test_never_waits_for_itself():
    """A test of a model and of one that is made of it does not hold up the second one."""
    found = steps(manifest(node("model", "a"), node("model", "b", "model.shop.a"), node("test", "both", "model.shop.a", "model.shop.b")))
    assert graph(found) == {"a": [], "b": ["a"], "both": ["a", "b"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, r"reading the manifest .*m\.json: No such file.*dbt parse"),
        ("{", r"m\.json is no JSON"),
        ("[]", r"m\.json is no table"),
        ("{}", r"m\.json is no manifest of dbt"),
        (json.dumps({"metadata": {"dbt_schema_version": SCHEMA.replace("v12", "v7")}}), "has the version 7, and this package reads 12"),
        (json.dumps({"metadata": {"dbt_schema_version": SCHEMA}, "nodes": {"a": {}}}), "no table of nodes"),
    ],
)
def test_bad_manifests(tmp_path, text, says):
    path = tmp_path / "m.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ManifestError, match=says):
        read(path)


def test_depends_on_itself():
    with pytest.raises(ManifestError, match="depends on itself"):
        steps(
            manifest(
                node("model", "a", "model.shop.b", tags=["x"]), node("model", "b", "model.shop.c"), node("model", "c", "model.shop.b")
            ),
            tags=["x"],
        )


def test_a_step_is_a_value():
    assert Step("a", "a", "run", "a") == Step("a", "a", "run", "a", frozenset())
