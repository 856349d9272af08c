from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

if TYPE_CHECKING:
    from nowhere import Nothing

with DAG("type_checking", schedule=None):
    a: Nothing = EmptyOperator(task_id="a")
