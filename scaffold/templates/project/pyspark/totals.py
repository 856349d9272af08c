"""Adds up what each shop has sold."""

import os

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def totals(orders):
    return orders.groupBy("shop").agg(f.sum("amount").alias("amount"))


if __name__ == "__main__":
    session = SparkSession.builder.getOrCreate()
    read = os.environ["TRUNKLINE_READ_RAW"].split()
    if read:  # lots can be empty
        totals(session.read.parquet(*read)).coalesce(1).write.mode("append").json(os.environ["TRUNKLINE_WRITE_MAIN"])
    session.stop()
