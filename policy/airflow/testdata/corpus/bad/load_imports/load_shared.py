"""What a DAG of airflow needs."""
something = 1
