import unittest

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from totals import SCHEMA, totals


class Totals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False).config("spark.sql.shuffle.partitions", 1).getOrCreate()

    @classmethod
    def tearDownClass(cls):
        cls.spark.stop()

    def test_shops_are_added_up_by_the_minute(self):
        rows = [("a", 1, "2026-01-01 10:00:01"), ("a", 3, "2026-01-01 10:00:59"), ("a", 5, "2026-01-01 10:01:00"), ("b", 2, "2026-01-01 10:00:30")]
        orders = self.spark.createDataFrame(rows, SCHEMA.replace("timestamp", "string")).withColumn("at", f.to_timestamp("at"))
        got = sorted((row.shop, row.minute.minute, row.amount) for row in totals(orders).collect())
        self.assertEqual([("a", 0, 4), ("a", 1, 5), ("b", 0, 2)], got)


if __name__ == "__main__":
    unittest.main()
