import pendulum
from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def taskflow():
    """### Orders"""

    @task
    def extract():
        return {"a": 1}

    @task(multiple_outputs=True)
    def transform(order_data: dict):
        return {"total": sum(order_data.values())}

    @task()
    def load(total: float):
        print(f"total: {total:.2f}")

    data = extract()
    summary = transform(data)
    load(summary["total"])


taskflow()
