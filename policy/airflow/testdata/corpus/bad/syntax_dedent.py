from airflow.sdk import DAG

if True:
        dag = DAG("syntax_dedent", schedule=None)
    tags = []
