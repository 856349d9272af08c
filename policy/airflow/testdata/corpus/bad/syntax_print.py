from airflow.sdk import DAG

dag = DAG("syntax_print", schedule=None)
print "done"
