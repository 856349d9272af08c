# SPDX-License-Identifier: Apache-2.0

"""Transforms the lots that a run reads into the lot that it writes, by SQL.

It is what workloads of the blueprint "transform" run. What it reads and writes it has the program "lot" bring and take, so that it knows
of files on its disk only: DuckDB reads them as tables, each called as its role, and writes the result of one SELECT.
"""
