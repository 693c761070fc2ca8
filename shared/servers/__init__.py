"""Private servers for the demo, a developer's machine and the tests: PostgreSQL from the wheel, a RabbitMQ node.

Owns: starting, stopping and killing servers in a folder of ours, and a virtual host of ours on a broker that runs
already. Never does: touch a server, virtual host, queue or database that it did not make, or anything in production
(there, `HUB_POSTGRES_URL` and `HUB_AMQP_URL` name the servers, and nothing here is used).
"""
