"""A letter about the sales of each day: started by lots of a dataset, and the letter is a lot of another one."""

import json
from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task
from trunkline_airflow.assets import dataset, lot_output

SALES, LETTERS = dataset("orders/sales@1"), dataset("letters/daily@1")


def on_disk(address):
    return Path(address.removeprefix("file://"))


@dag(schedule=[SALES], start_date=datetime(2026, 1, 1))
def letters():
    @task(outlets=[LETTERS])
    def write(triggering_asset_events=None):
        for event in triggering_asset_events[SALES]:
            manifest = json.loads(on_disk(event.extra["manifest"]).read_text())
            orders = sum(len(on_disk(uri).read_text().splitlines()) - 1 for uri in manifest["uris"])
            with lot_output(LETTERS, event.extra["lot"]) as out:
                out.files = [out.folder + "letter.txt"]
                on_disk(out.folder).mkdir(parents=True)
                on_disk(out.files[0]).write_text(f"{orders} orders on {event.extra['since'][:10]}\n")

    write()


letters()
