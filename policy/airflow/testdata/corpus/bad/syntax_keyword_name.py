from airflow.sdk import DAG

class = "a"
dag = DAG("syntax_keyword_name")
