from airflow.sdk import DAG

for name in ["orders", "customers & rates"]:
    globals()[name] = DAG(f"load_{name}", schedule=None)
