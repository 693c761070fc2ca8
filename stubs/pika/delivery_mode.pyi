import enum

class DeliveryMode(enum.Enum):
    Transient = 1
    Persistent = 2
