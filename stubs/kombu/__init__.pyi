class Exchange:
    name: str
