from airflow.sdk import DAG

debug = True
if debug = True:
    dag = DAG("syntax_equals", schedule=None)
