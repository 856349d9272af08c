from airflow.sdk import DAG


def build(name):
    if name == "b":
        raise ValueError(name)
    return DAG(name, schedule=None)


a = build("load_raise_in_function")
b = build("b")
