from airflow.sdk import DAG

dag = DAG("syntax_await")
def f():
    x = [1, 2
    return x
