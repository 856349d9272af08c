import importlib

from airflow.sdk import DAG

with DAG("dynamic_import", schedule=None):
    importlib.import_module("json")
