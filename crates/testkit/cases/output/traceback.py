def fails():
    raise ValueError("on purpose")


fails()
