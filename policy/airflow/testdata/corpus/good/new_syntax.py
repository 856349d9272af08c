from airflow.sdk import dag, task

type_ = "soft"
match = {"case": 1}


@dag(schedule=None)
def new_syntax():
    @task
    def soft(value: int | None = None, /, *args: object, key: str = "x", **rest) -> dict[str, int]:
        match value:
            case None:
                return {}
            case int(n) if n > 3:
                return {"n": n}
            case [1, *others] | {"a": others}:
                return {"len": len(others)}
            case _:
                pass
        if (n := len(args)) > 1:
            return {f"{key!r:>{n}}": n}
        try:
            with (open("a") as a, open("b") as b):
                return {**rest, "a": len(a.read()) + len(b.read())}
        except* ValueError:
            raise
        return {}

    @task
    async def waits():
        async with open("a") as a:
            return [x async for x in a]

    soft() >> waits()


new_syntax()
