from airflow.sdk import DAG
import airflow.operators.subdag

dag = DAG("load_module", schedule=None)
