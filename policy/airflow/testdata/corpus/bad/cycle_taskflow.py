from airflow.sdk import dag, task


@dag(schedule=None)
def cycle_taskflow():
    @task
    def extract():
        return 1

    @task
    def load(x):
        return x

    data = extract()
    done = load({"rows": [data]})
    done >> data


cycle_taskflow()
