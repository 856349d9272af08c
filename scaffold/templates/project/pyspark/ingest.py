"""Brings the orders of one day. Put here what fetches yours."""

import os

from pyspark.sql import SparkSession


def orders(spark, day):
    rows = [(f"{day}-1", "north", 12), (f"{day}-2", "south", 30), (f"{day}-3", "north", 8)]
    return spark.createDataFrame(rows, "`order` string, shop string, amount int")


if __name__ == "__main__":
    session = SparkSession.builder.getOrCreate()
    orders(session, os.environ["TRUNKLINE_LOT_START"][:10]).coalesce(1).write.mode("append").parquet(os.environ["TRUNKLINE_WRITE_MAIN"])
    session.stop()
