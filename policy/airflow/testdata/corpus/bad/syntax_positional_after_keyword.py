from airflow.sdk import DAG

dag = DAG(schedule=None, "syntax_positional")
