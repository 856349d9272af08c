"""Helpers of the DAGs of this folder; mentions airflow, and has no DAG."""
from dataclasses import dataclass


@dataclass
class Settings:
    bucket: str = "s3://airflow"


def path(name: str) -> str:
    return f"{Settings.bucket}/{name}"
