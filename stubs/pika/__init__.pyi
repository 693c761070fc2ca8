from pika.adapters.blocking_connection import BlockingConnection as BlockingConnection
from pika.connection import ConnectionParameters as ConnectionParameters
from pika.connection import Parameters as Parameters
from pika.connection import URLParameters as URLParameters
from pika.delivery_mode import DeliveryMode as DeliveryMode
from pika.spec import BasicProperties as BasicProperties

__version__: str
