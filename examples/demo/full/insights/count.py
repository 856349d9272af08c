# Counts the orders of each country in the sales of one day: a shuffle, which the executors do.
import os

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
sales = spark.read.csv(os.environ["TRUNKLINE_READ_SALES"].split("\n"), header=True)
sales.groupBy("country").count().orderBy("country").coalesce(1).write.mode("append").json(os.environ["TRUNKLINE_WRITE_MAIN"])
spark.stop()
