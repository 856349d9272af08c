"""Adds up what each shop sells in each minute, as orders come."""

import os

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

SCHEMA = "shop string, amount int, at timestamp"


def totals(orders):
    return (
        orders.withWatermark("at", "10 minutes")
        .groupBy(f.window("at", "1 minute").alias("minute"), "shop")
        .agg(f.sum("amount").alias("amount"))
        .select(f.col("minute.start").alias("minute"), "shop", "amount")
    )


def start(session, arrivals, out, checkpoint):
    orders = session.readStream.schema(SCHEMA).json(arrivals)
    return totals(orders).writeStream.outputMode("append").option("checkpointLocation", checkpoint).format("parquet").start(out)


if __name__ == "__main__":
    spark = SparkSession.builder.getOrCreate()
    query = start(spark, os.environ["TRUNKLINE_READ_ARRIVALS"], os.environ["TRUNKLINE_WRITE_MAIN"], os.environ["TRUNKLINE_CHECKPOINT"])
    query.awaitTermination()
