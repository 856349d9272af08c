from airflow.sdk import DAG

dag = DAG("load_raise", schedule=None)
raise RuntimeError("not yet")
