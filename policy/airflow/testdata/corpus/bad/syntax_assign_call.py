from airflow.sdk import DAG

DAG("syntax_assign_call") = dag
