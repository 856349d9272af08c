# SPDX-License-Identifier: Apache-2.0
"""An Airflow of the tests alone: a home of its own, an empty database, no examples."""

import os
import tempfile
from pathlib import Path

_HOME = tempfile.mkdtemp(prefix="trunkline-airflow-")
os.environ.update(
    AIRFLOW_HOME=_HOME,
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="True",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
)

import pytest  # noqa: E402 # Airflow reads its configuration when it is imported

REPOSITORY = Path(__file__).resolve().parents[3]
GOLDEN = REPOSITORY / "catalog/testdata/taskcontext.golden.json"


@pytest.fixture
def repository():
    if not GOLDEN.is_file():
        pytest.skip("needs the whole repository")
    return REPOSITORY


@pytest.fixture
def bundle(tmp_path):
    """A folder of DAG files, with what Trunkline renders beside them."""
    (tmp_path / ".trunkline").mkdir()
    (tmp_path / ".trunkline/context.json").write_bytes(GOLDEN.read_bytes())
    return tmp_path


@pytest.fixture
def orders(bundle, monkeypatch):
    """The project of the golden file, for tests that make operators by themselves."""
    from trunkline_airflow import context

    path = bundle / ".trunkline/context.json"
    monkeypatch.setenv(context.VARIABLE, str(path))
    return context.parse(path.read_bytes())
