from airflow.sdk import DAG

DOC = """this never ends
dag = DAG("syntax_triple", schedule=None)
