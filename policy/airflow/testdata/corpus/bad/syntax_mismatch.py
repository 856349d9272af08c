from airflow.sdk import DAG

tags = ["a", "b")
dag = DAG("syntax_mismatch", schedule=None, tags=tags)
