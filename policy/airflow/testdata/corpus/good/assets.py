from airflow.sdk import Asset, asset, dag, task


@asset(schedule="@daily")
def raw_orders():
    pass


@asset(schedule=raw_orders, dag_id="clean_the_orders")
def clean_orders():
    pass


@asset.multi(schedule=None, outlets=[Asset("a"), Asset("b")])
def several():
    pass


@dag(schedule=[raw_orders, clean_orders])
def consumes_assets():
    @task
    def consume():
        pass

    consume()


consumes_assets()
