from airflow.sdk import DAG, task


@task
def work(a, b, a):
    pass


dag = DAG("syntax_duplicate_parameter")
