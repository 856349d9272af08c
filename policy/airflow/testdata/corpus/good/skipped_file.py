"""A file that does not mention both a DAG and its scheduler is not read at all."""
def broken(:
    return return
