# SPDX-License-Identifier: Apache-2.0

"""Adds the lots that a run reads to the table of a catalog that it writes.

It is what workloads of the blueprint "catalog" run. The program "lot" says what is read, and writes the manifest; nothing is copied: the
table refers to the files where they are.
"""
