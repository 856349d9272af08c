from airflow.sdk import DAG


def build(name):
    if not name:
        raise ValueError(name)
    return DAG(name, schedule=None)


dag = build("load_raise_never")
