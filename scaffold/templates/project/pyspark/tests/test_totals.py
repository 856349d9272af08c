import unittest

from pyspark.sql import SparkSession

from ingest import orders
from totals import totals


class Totals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False).config("spark.sql.shuffle.partitions", 1).getOrCreate()

    @classmethod
    def tearDownClass(cls):
        cls.spark.stop()

    def test_shops_are_added_up(self):
        got = {row.shop: row.amount for row in totals(orders(self.spark, "2026-01-01")).collect()}
        self.assertEqual({"north": 20, "south": 30}, got)


if __name__ == "__main__":
    unittest.main()
