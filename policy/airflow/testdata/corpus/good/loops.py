from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

TABLES = ["orders", "customers", "rates"]
PREFIX = "load"
SIZES = {"orders": 3, "customers": 1}

with DAG("loops", schedule="@daily") as dag:
    previous = None
    for table in TABLES:
        current = BashOperator(task_id=f"{PREFIX}_{table}", bash_command=f"echo {table}")
        if previous:
            previous >> current
        previous = current
    for name, size in SIZES.items():
        for i in range(size):
            BashOperator(task_id="part_{}_{}".format(name, i), bash_command="true")
    for i, table in enumerate(TABLES, start=1):
        BashOperator(task_id="%02d" % i if False else "check_%s" % table, bash_command="true")
    count = 0
    while count < 2:
        BashOperator(task_id="again_" + str(count), bash_command="true")
        count += 1
